//! Runs one child process with a time limit.

use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Why a child gave no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be started at all.
    Start(io::Error),
    /// It took longer than this and was killed.
    Hung { limit: Duration, stderr: String },
    /// It ended by a signal, or with an exit status that means failure.
    Died { status: ExitStatus, stderr: String },
    /// It ended well but did not say what it should have.
    Garbled(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Start(error) => write!(f, "could not be started: {error}"),
            Failure::Hung { limit, stderr } => write!(f, "hung (killed after {limit:?}){}", Said(stderr)),
            Failure::Died { status, stderr } => write!(f, "died ({status}){}", Said(stderr)),
            Failure::Garbled(what) => f.write_str(what),
        }
    }
}

/// The beginning of what a child wrote to stderr: there a panic has its message.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Enough for a message and the goroutine it is about; the backtrace below names paths.
        const LINES: usize = 2;
        let lines = self.0.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES);
        lines.enumerate().try_for_each(|(i, line)| write!(f, "{}{line}", if i == 0 { ": " } else { " | " }))
    }
}

/// Runs `command` to its end and gives what it wrote to stdout.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String, Failure> {
    let deadline = Instant::now() + limit;
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Failure::Start)?;
    let (closed, is_closed) = mpsc::channel();
    let stdout = drain(child.stdout.take(), closed.clone());
    let stderr = drain(child.stderr.take(), closed);
    // Asleep until both pipes are closed, so that the measured process has the machine to itself.
    let in_time =
        (0..2).all(|_| is_closed.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok());
    let status = if in_time { child.wait() } else { kill(&mut child) }.map_err(Failure::Start)?;
    let (stdout, stderr) = (text(stdout), text(stderr));
    match status {
        _ if !in_time => Err(Failure::Hung { limit, stderr }),
        status if !status.success() => Err(Failure::Died { status, stderr }),
        _ => Ok(stdout),
    }
}

/// Kills the child and waits until it is gone.
fn kill(child: &mut Child) -> io::Result<ExitStatus> {
    child.kill()?;
    child.wait()
}

/// Reads a pipe to its end on a thread of its own and keeps the beginning: a dump of a million goroutines is
/// long.
fn drain(pipe: Option<impl Read + Send + 'static>, closed: Sender<()>) -> JoinHandle<Vec<u8>> {
    const KEPT: u64 = 64 << 10;
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks is a child that ended: its exit status tells.
            let _ = pipe.by_ref().take(KEPT).read_to_end(&mut kept);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = closed.send(());
        kept
    })
}

/// What a reader has kept.
fn text(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<String, Failure> {
        output(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn gives_stdout() {
        assert_eq!(shell("echo a; echo b >&2", Duration::from_secs(60)).expect("a success"), "a\n");
    }

    #[test]
    fn a_death_says_why() {
        let failure = shell("echo panic: boom >&2; exit 2", Duration::from_secs(60)).expect_err("a death");
        assert_eq!(failure.to_string(), "died (exit status: 2): panic: boom");
    }

    #[test]
    fn a_hang_is_killed() {
        let failure =
            shell("echo stuck >&2; exec sleep 1000", Duration::from_millis(200)).expect_err("a hang");
        assert_eq!(failure.to_string(), "hung (killed after 200ms): stuck");
    }
}
