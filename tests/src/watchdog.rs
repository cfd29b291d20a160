//! A hang ends the process, after it has said what everybody was waiting for.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Longer than any test takes, also on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `f`; when that takes longer than [`PATIENCE`], prints all goroutines and aborts the process.
pub fn guarded<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let (done, ended) = mpsc::channel::<()>();
    let what = what.to_owned();
    let watchdog = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{what} hangs\n{}\n", goconc::runtime::metrics());
            eprintln!("{}", goconc::runtime::stack_dump().chars().take(20_000).collect::<String>());
            std::process::abort();
        }
    });
    let result = f();
    drop(done);
    let _ = watchdog.join();
    result
}
