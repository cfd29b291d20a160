//! How a child process tells what it measured.
//!
//! The lines are those of `go/main.go`: `result row=NAME unit=UNIT value=PER_OPERATION total=SUM` for each timed run, and at
//! the end `done name=NAME procs=N`. Here is nothing of goconc: the peers' programs have this file, too.

use std::cell::Cell;
use std::fmt::Debug;
use std::fs;
use std::time::{Duration, Instant};

/// Times a workload and prints what it measured.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// Of the workload, and of its row if it has only one.
    name: &'static str,
    /// How often `best` runs.
    repeats: usize,
    /// Of a sized workload, if it is not the usual one.
    size: Option<usize>,
    /// How many operations were timed so far.
    operations: Cell<usize>,
}

impl Recorder {
    /// For a process that runs the workload `name`.
    pub(crate) fn new(name: &'static str, repeats: usize, size: Option<usize>) -> Self {
        Recorder { name, repeats, size, operations: Cell::new(0) }
    }

    /// Of the workload.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// How large the workload is to be.
    pub(crate) fn size_or(&self, usual: usize) -> usize {
        self.size.unwrap_or(usual)
    }

    /// Times `f`, which does `n` operations, as often as was asked for; whoever reads the lines takes the
    /// best.
    pub(crate) fn best(&self, n: usize, f: impl Fn()) {
        for _ in 0..self.repeats {
            self.once(n, &f);
        }
    }

    /// For workloads that leave something behind: only the first run in a process is the real thing.
    pub(crate) fn once(&self, n: usize, f: impl Fn()) {
        let start = Instant::now();
        f();
        self.time(self.name, n, start.elapsed());
        self.operations.set(self.operations.get() + n);
    }

    /// Prints a duration as a row of its own.
    pub(crate) fn time(&self, row: &str, n: usize, duration: Duration) {
        print_result(row, "ns", duration.as_nanos() as f64, n);
    }

    /// Prints an amount of memory as a row of its own.
    pub(crate) fn bytes(&self, row: &str, n: usize, total: i64) {
        print_result(row, "bytes", total as f64, n);
    }

    /// Prints how often something happened in all of them, or how much time it took, per operation.
    pub(crate) fn of_all(&self, row: &str, unit: &str, total: u64) {
        print_result(row, unit, total as f64, self.operations.get().max(1));
    }
}

/// Prints one line for the parent; `total` is the sum over `n` operations.
fn print_result(row: &str, unit: &str, total: f64, n: usize) {
    let digits = if unit == "count" { 9 } else { 3 };
    println!("result row={row} unit={unit} value={:.digits$} total={total:.0}", total / n as f64);
}

/// Ends the program when a workload's result is wrong.
///
/// # Panics
/// When `got` is not `want`.
#[track_caller]
pub(crate) fn check<T: PartialEq + Debug>(what: &str, got: T, want: T) {
    assert!(got == want, "wrong result: {what} is {got:?}, not {want:?}");
}

/// Prints the last line, which says that every result was right, and how many Ps there were.
pub(crate) fn done(name: &str, procs: usize) {
    println!("done name={name} procs={procs}");
}

/// 0 + 1 + ... + n-1: what a consumer of those numbers must arrive at.
pub(crate) fn sum_below(n: isize) -> isize {
    n * (n - 1) / 2
}

/// The memory of this process, in bytes.
#[derive(Debug)]
pub(crate) struct Memory {
    /// What is in RAM (VmRSS).
    pub(crate) resident: i64,
    /// What the kernel needs to map it (VmPTE).
    pub(crate) page_tables: i64,
}

/// Asks the kernel for the memory of this process.
///
/// # Panics
/// Where there is no `/proc`.
pub(crate) fn memory() -> Memory {
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process is in /proc");
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<i64>().ok());
        kib.expect("the kernel tells the memory of a process in kB") * 1024
    };
    Memory { resident: bytes("VmRSS:"), page_tables: bytes("VmPTE:") }
}
