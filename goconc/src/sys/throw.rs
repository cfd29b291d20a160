//! `fatal error: ...`: the runtime, or the program beyond repair, stops here. Never unwinds; exit status 2.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Exit status of every crash, as in Go.
pub(crate) const EXIT_CRASH: i32 = 2;

/// Standard error without std's lock and buffer: usable with any lock held, and in a signal handler.
#[derive(Debug)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        write_all(s.as_bytes());
        Ok(())
    }
}

/// Writes all of `bytes` to standard error, or gives up at an error. Async-signal-safe.
pub(crate) fn write_all(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the length describe a live slice.
        let n = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(n) {
            Ok(n) if n > 0 => bytes = &bytes[n..],
            _ => return,
        }
    }
}

type Hook = fn(&mut dyn Write);
/// How all goroutines are printed.
static DUMP: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
/// How the panics are printed during which this happens.
static PANICS: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Says how all goroutines are printed; set once by the layer that knows them.
pub(crate) fn set_dump_hook(hook: Hook) {
    DUMP.store(hook as *mut (), Ordering::Release); // pairs with the Acquire in `call`
}

/// Says how the panics in flight are printed, in front of the `fatal error`; set once by the layer that knows them.
pub(crate) fn set_panics_hook(hook: Hook) {
    PANICS.store(hook as *mut (), Ordering::Release); // pairs with the Acquire in `call`
}

fn call(hook: &AtomicPtr<()>) {
    let hook = hook.load(Ordering::Acquire); // pairs with the Release in the setters
    if !hook.is_null() {
        // SAFETY: only the setters write it, and only with a `Hook`.
        let hook = unsafe { core::mem::transmute::<*mut (), Hook>(hook) };
        hook(&mut Stderr);
    }
}

/// Ends the process at once with status 2. Runs no destructors and no exit handlers.
pub(crate) fn exit_crash() -> ! {
    // SAFETY: _exit takes a number and does not return.
    unsafe { libc::_exit(EXIT_CRASH) }
}

/// Prints `fatal error: MESSAGE`, then every goroutine, and ends the process.
#[cold]
pub(crate) fn throw(message: &str) -> ! {
    throw_args(format_args!("{message}"), true)
}

/// As [`throw`], for the user's fault or an exhausted limit: no goroutine is to blame, so none is printed.
#[cold]
pub(crate) fn fatal(message: fmt::Arguments<'_>) -> ! {
    throw_args(message, false)
}

fn throw_args(message: fmt::Arguments<'_>, goroutines: bool) -> ! {
    call(&PANICS);
    let _ = writeln!(Stderr, "fatal error: {message}");
    if goroutines {
        write_all(b"\n");
        call(&DUMP);
    }
    exit_crash()
}
