//! The progress line: files and bytes so far, on standard error, only when that is a terminal.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// Milliseconds between two updates: smooth to the eye, nothing next to the reading.
const INTERVAL: u64 = 100;

/// Shared by all digesters. The counters are independent of each other and of all other data: `Relaxed` is enough.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    start: Instant,
    files: AtomicU64,
    bytes: AtomicU64,
    next_update: AtomicU64, // in milliseconds after `start`
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            terminal: io::stderr().is_terminal(),
            start: Instant::now(),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            next_update: AtomicU64::new(INTERVAL),
        }
    }

    pub(crate) fn add_file(&self) {
        self.files.fetch_add(1, Relaxed);
        self.update();
    }

    pub(crate) fn add_bytes(&self, n: usize) {
        self.bytes.fetch_add(n as u64, Relaxed);
        self.update();
    }

    /// Wipes the line. Called when no digester is left.
    pub(crate) fn clear(&self) {
        if self.terminal {
            write("\r\x1b[K");
        }
    }

    fn update(&self) {
        if self.terminal && self.is_due() {
            let (files, bytes) = (self.files.load(Relaxed), self.bytes.load(Relaxed));
            write(&format!("\r{files} files, {} MiB\x1b[K", bytes >> 20));
        }
    }

    /// True for one caller per interval.
    fn is_due(&self) -> bool {
        let now = self.start.elapsed().as_millis() as u64;
        let due = self.next_update.load(Relaxed);
        now >= due && self.next_update.compare_exchange(due, now + INTERVAL, Relaxed, Relaxed).is_ok()
    }
}

/// One write per line, so that lines do not mix. If the terminal is gone, the sums are still worth having.
fn write(text: &str) {
    let _gone = io::stderr().write_all(text.as_bytes());
}
