//! A goroutine's panic: what the hook keeps of it, and how the process ends when nobody recovers.
//!
//! On a goroutine the hook prints nothing: it notes message, place and backtrace in the G. Whoever catches the panic
//! (`recover`, `join`) takes the note; at the root of the stack [`die`] prints it in Go's format. On other threads the hook
//! that was there before does its work.

use core::any::Any;
use core::fmt::Write;
use core::panic::Location;
use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;

use crate::dump;
use crate::gmp::g::PanicNote;
use crate::gmp::{G, g};
use crate::sys::env::{Traceback, options};
use crate::sys::throw::{Stderr, exit_crash};

/// The text of a panic's payload.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    macro_rules! show {
        ($($t:ty),*) => {
            $(if let Some(v) = payload.downcast_ref::<$t>() { return v.to_string(); })*
        };
    }
    show!(&'static str, String, Box<str>, std::borrow::Cow<'static, str>);
    show!(Box<dyn std::error::Error + Send + Sync>, Box<dyn std::error::Error + Send>, std::io::Error);
    show!(bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);
    "(a value that is not a string)".to_owned()
}

/// Puts our hook before the present one.
pub(crate) fn install_hook() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| match g::current() {
        Some(g) => note(g, info),
        None => previous(info),
    }));
}

fn note(g: &'static G, info: &PanicHookInfo<'_>) {
    let wanted = options().traceback > Traceback::None;
    let noted = PanicNote {
        message: message_of(info.payload()),
        location: info.location().map(|at: &Location<'_>| (at.file().to_owned(), at.line(), at.column())),
        backtrace: wanted.then(Backtrace::force_capture),
    };
    // SAFETY: only the goroutine itself touches its note, and it runs this hook.
    unsafe { *g.panic_info.get() = Some(Box::new(noted)) };
}

/// Takes the note of the goroutine's last panic.
pub(crate) fn take_info(g: &'static G) -> Option<Box<PanicNote>> {
    // SAFETY: only the goroutine itself touches its note, and this is it.
    unsafe { (*g.panic_info.get()).take() }
}

/// Nobody has recovered: prints the panic and ends the process.
#[cold]
pub(crate) fn die(g: &'static G, payload: &(dyn Any + Send)) -> ! {
    let info = take_info(g);
    let message = info.as_ref().map_or_else(|| message_of(payload), |info| info.message.clone());
    let location = info.as_ref().and_then(|info| info.location.as_ref());
    die_with(&message, location, info.as_ref().and_then(|info| info.backtrace.as_ref()))
}

/// As [`die`], for a panic that was caught and that nobody can observe any more.
#[cold]
pub(crate) fn die_with(message: &str, at: Option<&(String, u32, u32)>, backtrace: Option<&Backtrace>) -> ! {
    // One report only: whoever comes second waits for the end of the process.
    static DYING: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
    core::mem::forget(DYING.lock());
    let mut out = String::new();
    let _ = writeln!(out, "panic: {}", message.replace('\n', "\n\t"));
    let traceback = options().traceback;
    if traceback > Traceback::None {
        out.push('\n');
        dump::panicking(&mut out, g::current(), at, backtrace, traceback >= Traceback::System);
        if traceback >= Traceback::All {
            dump::other_goroutines(&mut out, g::current());
        }
    }
    let _ = Stderr.write_str(&out);
    if traceback == Traceback::Crash {
        std::process::abort();
    }
    exit_crash()
}
