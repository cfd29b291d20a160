//! The environment variables, read and checked once. A bad one ends the process with status 2 before `main` starts.

use core::fmt::Write;
use std::sync::OnceLock;

use crate::sys::throw::{Stderr, exit_crash};

/// The most Ps there can be.
pub(crate) const MAX_PROCS: usize = 1024;

/// How much an unrecovered panic prints (`GOTRACEBACK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Traceback {
    /// The message only.
    None,
    /// The goroutine that panicked.
    Single,
    /// All goroutines.
    All,
    /// All goroutines, and the frames of the runtime.
    System,
    /// As `System`, then abort, for a core dump.
    Crash,
}

/// What the environment asks for.
#[derive(Debug)]
pub(crate) struct Options {
    /// `GOMAXPROCS`.
    pub(crate) gomaxprocs: Option<usize>,
    /// `GOTRACEBACK`.
    pub(crate) traceback: Traceback,
    /// `GOCONC_DEBUG=sticky=1`: started goroutines never change threads.
    pub(crate) sticky: bool,
    /// `GOCONC_DEBUG=mprotect=1`: guard pages by mprotect, as on kernels before 6.13.
    pub(crate) mprotect: bool,
    /// `GOCONC_DEBUG=nomembarrier=1`: Ms fence for themselves, as on kernels without membarrier.
    pub(crate) no_membarrier: bool,
    /// `GOCONC_DEBUG=migration=1`: print which policy is in force, and the thread-locals that decided it.
    pub(crate) migration: bool,
    /// `GOCONC_DEBUG=stalls=1`: say so when goroutines wait for 100 ms for a thread that is stuck.
    pub(crate) stalls: bool,
    /// `GOCONC_DEBUG=scheddetail=1`: that line is followed by one for each P and M.
    pub(crate) scheddetail: bool,
    /// `GOCONC_DEBUG=schedtrace=N`: a line on the scheduler every N milliseconds; 0 is off.
    pub(crate) schedtrace: u64,
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// The options of this process.
pub(crate) fn options() -> &'static Options {
    OPTIONS.get_or_init(|| read().unwrap_or_else(|bad| refuse(&bad)))
}

/// A variable that cannot be obeyed.
#[derive(Debug, PartialEq, Eq)]
struct Bad {
    variable: &'static str,
    value: String,
    allowed: &'static str,
}

fn refuse(bad: &Bad) -> ! {
    let Bad { variable, value, allowed } = bad;
    let _ = writeln!(Stderr, "goconc: bad environment variable {variable}={value:?}: {allowed}");
    exit_crash()
}

fn read() -> Result<Options, Bad> {
    let var =
        |name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned()).filter(|v| !v.is_empty());
    let mut options = Options {
        gomaxprocs: var("GOMAXPROCS").map(|v| parse_gomaxprocs(&v)).transpose()?,
        traceback: var("GOTRACEBACK").map_or(Ok(Traceback::Single), |v| parse_traceback(&v))?,
        sticky: false,
        mprotect: false,
        no_membarrier: false,
        migration: false,
        stalls: false,
        scheddetail: false,
        schedtrace: 0,
    };
    if let Some(text) = var("GOCONC_DEBUG") {
        parse_debug(&text, &mut options)?;
    }
    Ok(options)
}

fn parse_gomaxprocs(text: &str) -> Result<usize, Bad> {
    match text.trim().parse() {
        Ok(n) if (1..=MAX_PROCS).contains(&n) => Ok(n),
        _ => Err(Bad {
            variable: "GOMAXPROCS",
            value: text.to_owned(),
            allowed: "a whole number from 1 to 1024, or leave it unset for the number of CPUs",
        }),
    }
}

fn parse_traceback(text: &str) -> Result<Traceback, Bad> {
    Ok(match text {
        "none" | "0" => Traceback::None,
        "single" | "1" => Traceback::Single,
        "all" => Traceback::All,
        "system" | "2" => Traceback::System,
        "crash" => Traceback::Crash,
        _ => {
            return Err(Bad {
                variable: "GOTRACEBACK",
                value: text.to_owned(),
                allowed: "none, single, all, system or crash",
            });
        }
    })
}

fn parse_debug(text: &str, options: &mut Options) -> Result<(), Bad> {
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let bad = || Bad {
            variable: "GOCONC_DEBUG",
            value: item.to_owned(),
            allowed: "a comma-separated list of schedtrace=MS, scheddetail=1, sticky=1, migration=1, stalls=1, mprotect=1, nomembarrier=1",
        };
        let (key, value) = item.split_once('=').ok_or_else(bad)?;
        let number: u64 = value.parse().map_err(|_| bad())?;
        match key {
            "schedtrace" => options.schedtrace = number,
            "scheddetail" => options.scheddetail = number != 0,
            "sticky" => options.sticky = number != 0,
            "migration" => options.migration = number != 0,
            "stalls" => options.stalls = number != 0,
            "mprotect" => options.mprotect = number != 0,
            "nomembarrier" => options.no_membarrier = number != 0,
            _ => return Err(bad()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gomaxprocs_is_a_number_in_range() {
        assert_eq!(parse_gomaxprocs("4"), Ok(4));
        for bad in ["0", "-1", "1025", "many", "4x", "1e3", ""] {
            assert!(parse_gomaxprocs(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_lists_are_read_and_unknown_keys_refused() {
        let mut options = read().expect("the test's own environment is clean");
        parse_debug("sticky=1,schedtrace=250", &mut options).expect("both are known");
        assert!(options.sticky);
        assert_eq!(options.schedtrace, 250);
        for bad in ["sticky", "sticky=yes", "unknown=1"] {
            assert!(parse_debug(bad, &mut options).is_err(), "{bad:?}");
        }
    }
}
