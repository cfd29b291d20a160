//! Running a program of this package with a time limit: a hang is a failure, not a test that never ends.

use std::{
    io::Read,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Far more than any example takes, on any machine, in a debug build.
const TIME_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
}

impl Output {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    #[track_caller]
    pub(crate) fn assert_success(&self) {
        assert!(self.status.success(), "{self:?}");
        assert_eq!(self.stderr, "");
    }
}

/// Runs `command` to its end, without the variables that change what the runtime does unless `command` sets them.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Output {
    for name in ["GOMAXPROCS", "GOTRACEBACK", "GOCONC_DEBUG"] {
        if command.get_envs().all(|(set, _)| set != name) {
            command.env_remove(name);
        }
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let stdout = read_all(child.stdout.take());
    let stderr = read_all(child.stderr.take());

    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    let stdout = stdout.join().unwrap();
    let stderr = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
    let Some(status) = status else {
        panic!("{command:?} does not end; stdout:\n{}\nstderr:\n{stderr}", String::from_utf8_lossy(&stdout));
    };
    Output { stdout, stderr, status }
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the pipe was asked for");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}
