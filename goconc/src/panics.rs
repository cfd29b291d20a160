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
        previous: None,
    };
    // SAFETY: only the goroutine itself touches its note, and it runs this hook.
    let place = unsafe { &mut *g.panic_info.get() };
    let previous = place.take();
    if CANNOT_UNWIND.iter().any(|text| noted.message.starts_with(text)) {
        die_of_two(&noted, previous.as_deref());
    }
    // One is kept: a goroutine may catch a million panics.
    let previous = previous.map(|note| Box::new(PanicNote { previous: None, ..*note }));
    *place = Some(Box::new(PanicNote { previous, ..noted }));
}

/// How std words a panic after which it aborts: one that would leave a destructor during unwinding, or a foreign function.
const CANNOT_UNWIND: [&str; 2] =
    ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

/// A second panic that cannot unwind is about to abort the process: shows what led to it, and ends it as any panic does.
#[cold]
fn die_of_two(last: &PanicNote, second: Option<&PanicNote>) -> ! {
    let first = second.and_then(|note| note.previous.as_deref());
    let chain: Vec<&str> =
        [first, second, Some(last)].into_iter().flatten().map(|note| &*note.message).collect();
    let cause = second.unwrap_or(last);
    die_with(&chain.join("\npanic: "), cause.location.as_ref(), cause.backtrace.as_ref())
}

/// Takes the note of the panic that carries `payload`. `None`: the last note is of another one, which somebody caught;
/// `resume_unwind` calls no hook.
pub(crate) fn take_note(g: &'static G, payload: &(dyn Any + Send)) -> Option<Box<PanicNote>> {
    // SAFETY: only the goroutine itself touches its note, and this is it.
    let note = unsafe { (*g.panic_info.get()).take() };
    note.filter(|note| note.message == message_of(payload))
}

/// Nobody has recovered: prints the panic and ends the process.
#[cold]
pub(crate) fn die(g: &'static G, payload: &(dyn Any + Send)) -> ! {
    let info = take_note(g, payload);
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
