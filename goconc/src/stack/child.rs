//! Tests that need a process of their own: limits, forced modes, deadly signals.

use std::env;
use std::process::{self, Command, Output};

const VARIABLE: &str = "GOCONC_STACK_CHILD";

/// The exit status of a child whose body has returned: not that of a test executable that found nothing to run.
const RETURNED: i32 = 88;

/// Runs `body` in a new process of this test executable. `test` is the path of the calling test,
/// `concat!(module_path!(), "::name")`. In the parent: what the child did. In the child: does not return.
pub(crate) fn run(test: &str, body: impl FnOnce()) -> Output {
    let name = test.split_once("::").expect("a path with the name of the crate").1;
    if env::var(VARIABLE).is_ok_and(|wanted| wanted == name) {
        body();
        process::exit(RETURNED);
    }
    let me = env::current_exe().expect("/proc");
    let args = ["--exact", name, "--nocapture", "--test-threads=1", "--include-ignored"];
    Command::new(me).args(args).env(VARIABLE, name).output().expect("the child runs")
}

/// As [`run`], and the body must return.
pub(crate) fn run_ok(test: &str, body: impl FnOnce()) {
    let output = run(test, body);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(RETURNED), "{}: {text}", output.status);
}
