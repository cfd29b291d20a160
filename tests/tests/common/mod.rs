//! What the tests share: running a program of `src/bin/` and looking at what it did.

#![allow(dead_code, unused_imports, reason = "each file of tests uses some of it")]
#![allow(unreachable_pub, reason = "a module of several crates")]

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub use goconc_tests::watchdog::{PATIENCE, guarded};

/// A program with scenarios whose started goroutines may move: it has no thread-locals.
pub const SCENE: &str = env!("CARGO_BIN_EXE_scene");
/// As [`SCENE`], without `#[goroutine]` on main.
pub const PLAIN: &str = env!("CARGO_BIN_EXE_plain");

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What a program did.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Output {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// It ended well.
    #[track_caller]
    pub fn ok(self) -> Output {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    /// It ended with status 2, and said each of `texts` on standard error.
    #[track_caller]
    pub fn crashed(self, texts: &[&str]) -> Output {
        assert_eq!(self.code(), Some(2), "{self:#?}");
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        }
        self
    }

    /// It did not say `text` on standard error.
    #[track_caller]
    pub fn never(self, text: &str) -> Output {
        assert!(!self.stderr.contains(text), "{text:?} in {self:#?}");
        self
    }
}

/// The program with arguments, in an environment without our variables but those given.
pub fn command(program: &str, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["GOMAXPROCS", "GOTRACEBACK", "GOCONC_DEBUG", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied());
    command
}

/// Starts it and waits for its end. One that hangs is made to print its goroutines, and fails the test.
#[track_caller]
pub fn finish(mut command: Command) -> Output {
    let start = Instant::now();
    wait(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")), start)
}

/// Waits for the end of a child.
#[track_caller]
pub fn wait(mut child: Child, start: Instant) -> Output {
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let mut hangs = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > PATIENCE && !hangs {
            hangs = true;
            signal(&child, libc::SIGQUIT);
        } else if start.elapsed() > PATIENCE + ms(2000) {
            let _ = child.kill();
        }
        std::thread::sleep(ms(2));
    };
    let took = start.elapsed();
    let output = Output { status, stdout: stdout.recv().unwrap(), stderr: stderr.recv().unwrap(), took };
    assert!(!hangs, "it hangs: {output:#?}");
    output
}

fn reader(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Sends a signal to a child.
pub fn signal(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: kill takes numbers only.
    unsafe { libc::kill(pid, signal) };
}

/// Runs a program.
#[track_caller]
pub fn run(program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    finish(command(program, args, env))
}

/// The environments in which a program must do the same.
pub const VARIANTS: [&[(&str, &str)]; 4] = [
    &[],
    &[("GOCONC_DEBUG", "sticky=1")],
    &[("GOMAXPROCS", "1")],
    &[("GOMAXPROCS", "1"), ("GOCONC_DEBUG", "sticky=1")],
];

/// Runs a program in each of [`VARIANTS`].
#[track_caller]
pub fn variants(program: &str, args: &[&str], mut check: impl FnMut(Output)) {
    for env in VARIANTS {
        check(run(program, args, env));
    }
}

/// The text of a panic.
pub fn panic_text(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("it must panic");
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => *payload.downcast::<String>().expect("a text"),
    }
}
