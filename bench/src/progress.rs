//! The line on the terminal that says what runs, and how much is left.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::run::Case;
use crate::side::Side;

/// A bar on stderr, if that is a terminal; nothing elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Including the one that runs.
    step: usize,
    steps: usize,
    start: Instant,
    shown: bool,
}

impl Progress {
    /// So many steps are to come.
    pub(crate) fn new(steps: usize) -> Self {
        Progress { step: 0, steps, start: Instant::now(), shown: stderr().is_terminal() }
    }

    /// Shows the run that begins.
    pub(crate) fn step(&mut self, case: &Case, side: Side, run: usize) {
        self.step += 1;
        let done = bar(self.step - 1, self.steps, self.start.elapsed());
        let size = case.size.map_or(String::new(), |size| format!(" {size}"));
        self.show(&format!("{done}  {}{size} P={} {side}, run {run}", case.workload.name, case.procs));
    }

    /// Shows that something is done which may take a while.
    pub(crate) fn announce(text: &str) {
        if stderr().is_terminal() {
            let _ = write!(stderr(), "\r\x1b[K{text}"); // as in `show`
        }
    }

    /// Makes room for the table.
    pub(crate) fn clear(&self) {
        self.show("");
    }

    /// Replaces the line.
    fn show(&self, text: &str) {
        if self.shown {
            // Back to the start of the line, which is cleared. What is longer than the terminal is wide is cut off, not
            // continued below, from where it could not be cleared. A lost progress line is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K\x1b[?7l{text}\x1b[?7h");
        }
    }
}

/// `[####......] 12/30, 4 min left`, when `done` of `all` steps took `elapsed`.
fn bar(done: usize, all: usize, elapsed: Duration) -> String {
    const WIDTH: usize = 20;
    let full = done * WIDTH / all;
    let left = match done {
        0 => String::new(),
        _ => {
            let seconds = elapsed.as_secs_f64() / done as f64 * (all - done) as f64;
            if seconds < 90.0 {
                format!(", {seconds:.0} s left")
            } else {
                format!(", {:.0} min left", seconds / 60.0)
            }
        }
    };
    format!("[{}{}] {done}/{all}{left}", "#".repeat(full), ".".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_and_knows_what_is_left() {
        assert_eq!(bar(0, 30, Duration::ZERO), "[....................] 0/30");
        assert_eq!(bar(15, 30, Duration::from_secs(45)), "[##########..........] 15/30, 45 s left");
        assert_eq!(bar(10, 30, Duration::from_secs(120)), "[######..............] 10/30, 4 min left");
    }
}
