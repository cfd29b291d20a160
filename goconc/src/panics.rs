//! A panic: what the hook keeps of it, what has become of it when somebody catches it, and how the process ends when nobody
//! recovers.
//!
//! On a goroutine the hook prints nothing: it makes an entry in the G's [`Unwindings`], with message, place and backtrace.
//! Whoever catches the value ([`Caught`]: a frame, `join`, the root of the stack) takes the entry; at the root [`die`] prints
//! it in Go's format, after the panics that led to it. On other threads the hook that was there before does its work, and a
//! thread that is inside of a frame gets an entry too.

use core::any::Any;
use core::fmt::{self, Write};
use core::num::{ParseFloatError, ParseIntError};
use core::panic::Location;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::backtrace::Backtrace;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::{Arc, Once, Weak};

use parking_lot::Mutex;

use crate::dump;
use crate::gmp::unwinding::{Caught, Escaped, Old, Panic, Payload, Recovery, Unwindings};
use crate::gmp::{G, g};
use crate::sys::env::{Traceback, options};
use crate::sys::throw::{self, Stderr, exit_crash};

/// What `goconc::panic` throws: a value that the hook can share, and its text.
#[derive(Debug)]
pub(crate) struct Thrown {
    pub(crate) message: String,
    /// Taken by whoever recovers, or catches it last.
    pub(crate) value: Arc<Mutex<Option<Payload>>>,
}

/// Calls `$with!(type)` for types of plain values that are their own text.
macro_rules! plain_types {
    ($with:ident) => {
        $with!(
            &'static str,
            String,
            Box<str>,
            std::borrow::Cow<'static, str>,
            bool,
            char,
            i8,
            i16,
            i32,
            i64,
            i128,
            isize,
            u8,
            u16,
            u32,
            u64,
            u128,
            usize,
            f32,
            f64
        )
    };
}

/// The text of a panic's payload.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<Thrown>() {
        Some(thrown) => thrown.message.clone(),
        None => plain_text(payload).unwrap_or_else(|| "(a value that is not a string)".to_owned()),
    }
}

/// The text of a value that is one, or that is simply shown as one, as errors are. (Whether any other type is an error cannot be
/// asked.)
pub(crate) fn plain_text(value: &dyn Any) -> Option<String> {
    macro_rules! show {
        ($($t:ty),*) => {
            $(if let Some(v) = value.downcast_ref::<$t>() { return Some(v.to_string()); })*
        };
    }
    plain_types!(show);
    show!(
        Box<dyn Error + Send + Sync>,
        Box<dyn Error + Send>,
        Arc<dyn Error + Send + Sync>,
        io::Error,
        ParseIntError,
        ParseFloatError
    );
    None
}

/// What `recover` can have of a value that goes on unwinding: a copy, or the way to the value itself where it is shared.
fn copy_of(payload: &(dyn Any + Send)) -> Option<Payload> {
    macro_rules! copy {
        ($($t:ty),*) => {
            $(if let Some(v) = payload.downcast_ref::<$t>() { return Some(Box::new(v.clone())); })*
        };
    }
    if let Some(thrown) = payload.downcast_ref::<Thrown>() {
        return Some(Box::new(Arc::downgrade(&thrown.value)));
    }
    plain_types!(copy);
    copy!(());
    None
}

/// What `recover` gives of what [`copy_of`] has found.
pub(crate) fn unshared(copy: Payload) -> Option<Payload> {
    match copy.downcast::<Weak<Mutex<Option<Payload>>>>() {
        Ok(shared) => Some(shared.upgrade()?.lock().take()?),
        Err(copy) => Some(copy),
    }
}

/// The value that the program has panicked with.
pub(crate) fn value_of(payload: Payload) -> Payload {
    match payload.downcast::<Thrown>() {
        Ok(thrown) => {
            let value = thrown.value.lock().take();
            value.unwrap_or(thrown)
        }
        Err(payload) => payload,
    }
}

/// Calls its argument with the panics in flight of the calling plain thread.
type OfThisThread = fn(&mut dyn FnMut(&mut Unwindings));
static OF_THIS_THREAD: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// From now on the hook keeps the panics of plain threads too, while they are inside of a frame.
pub(crate) fn watch_plain_threads(of_this_thread: OfThisThread) {
    OF_THIS_THREAD.store(of_this_thread as *mut (), Ordering::Release); // pairs with the Acquire in `note_on_thread`
    install_hook();
}

/// Calls `f`, which calls no code of the program, with the panics in flight of the calling goroutine, or of a plain thread
/// if those are watched.
fn of_caller<T>(f: impl FnOnce(&mut Unwindings) -> T) -> Option<T> {
    if let Some(g) = g::current() {
        return Some(g.unwindings(f));
    }
    let of_this_thread = OF_THIS_THREAD.load(Ordering::Acquire); // pairs with the Release in `watch_plain_threads`
    if of_this_thread.is_null() {
        return None;
    }
    // SAFETY: only `watch_plain_threads` writes it, and only with an `OfThisThread`.
    let of_this_thread = unsafe { core::mem::transmute::<*mut (), OfThisThread>(of_this_thread) };
    let (mut f, mut result) = (Some(f), None);
    of_this_thread(&mut |unwindings| result = f.take().map(|f| f(unwindings)));
    result
}

/// Drops what nobody needs any more. A destructor that panics must neither abort the process nor replace what goes on: its
/// panic ends here, in a frame of its own.
pub(crate) fn discard(old: Old) {
    if old.is_nothing() {
        return;
    }
    let frame = of_caller(Unwindings::enter_frame);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(old)));
    let left = frame.map(|frame| of_caller(|unwindings| unwindings.leave_frame(frame)));
    core::mem::forget((dropped, left)); // what they hold might panic as well
}

/// Puts our hook before the present one, once.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        throw::set_panics_hook(print_outer);
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match g::current() {
            Some(g) => note_on_goroutine(g, info),
            None => {
                note_on_thread(info);
                previous(info);
            }
        }));
    });
}

fn note_on_goroutine(g: &'static G, info: &PanicHookInfo<'_>) {
    let panic = panic_of(info, options().traceback > Traceback::None);
    if CANNOT_UNWIND.iter().any(|text| panic.message.starts_with(text)) {
        g.unwindings(|unwindings| die_of_two(&panic, unwindings));
    }
    g.unwindings(|unwindings| unwindings.begin(panic, info.payload().type_id()));
}

fn note_on_thread(info: &PanicHookInfo<'_>) {
    if of_caller(|unwindings| unwindings.is_inside()) == Some(true) {
        let panic = panic_of(info, false);
        of_caller(|unwindings| unwindings.begin(panic, info.payload().type_id()));
    }
}

fn panic_of(info: &PanicHookInfo<'_>, backtrace: bool) -> Panic {
    let payload = info.payload();
    Panic {
        location: info.location().map(|at: &Location<'_>| (at.file().to_owned(), at.line(), at.column())),
        backtrace: backtrace.then(Backtrace::force_capture),
        value: copy_of(payload),
        ..Panic::of_message(message_of(payload))
    }
}

/// How std words a panic after which it aborts: one that would leave a destructor during unwinding, or a foreign function.
const CANNOT_UNWIND: [&str; 2] =
    ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

/// A second panic that cannot unwind is about to abort the process: shows what led to it, and ends it as any panic does.
#[cold]
fn die_of_two(last: &Panic, unwindings: &Unwindings) -> ! {
    let before: Vec<&Panic> = unwindings.here().collect();
    let cause = before.last().copied().unwrap_or(last);
    let chain: Vec<&str> = before.iter().copied().chain([last]).map(|panic| &*panic.message).collect();
    die_with(&chain.join("\npanic: "), cause.location.as_ref(), cause.backtrace.as_ref())
}

/// Somebody of ours has caught `payload`; `catch` has looked what it means.
pub(crate) fn caught((caught, old): (Caught, Old)) -> Result<Recovery, Escaped> {
    discard(old);
    match caught {
        Caught::Recovered(recovery) => Ok(recovery),
        Caught::Escaped(escaped) => Err(escaped),
        Caught::Unknown(payload) => Err(unknown(payload)),
    }
}

/// A panic that the hook has not seen.
fn unknown(payload: Payload) -> Escaped {
    let value = copy_of(&*payload);
    let panic = Panic { value, ..Panic::of_message(message_of(&*payload)) };
    Escaped { panic: Some(Box::new(panic)), goexit: false, payload }
}

/// What the caller of a function is told that has recovered and has nothing to return.
#[cold]
pub(crate) fn no_result(recovery: &Recovery, wanted: &str) -> String {
    let Recovery { given, message } = recovery;
    match given {
        Some(given) => format!(
            "recovered from a panic ({message}), but `returning` was given a value of type `{}`, where the function \
             returns `{wanted}`",
            given.type_name
        ),
        None => format!(
            "recovered from a panic ({message}), but there is nothing to return: `{wanted}` has no zero value \
             (Default); give one with `recover().unwrap().returning(value)` in the `defer!`"
        ),
    }
}

/// Unwinds the calling goroutine, or thread, with what was thrown elsewhere.
pub(crate) fn throw_on(escaped: Escaped) -> ! {
    let Escaped { panic, goexit, payload } = escaped;
    if let Some(g) = g::current() {
        g.unwindings(|unwindings| unwindings.begin_again(panic, goexit, &payload));
    }
    resume_unwind(payload)
}

/// As [`throw_on`], with a value of which nothing else is known.
pub(crate) fn throw_value(payload: Payload) -> ! {
    throw_on(unknown(payload))
}

/// The unwinding of a goroutine has come to its root.
#[cold]
pub(crate) fn end_of_goroutine(g: &'static G, payload: Payload) {
    let caught = caught(g.unwindings(|unwindings| unwindings.catch(payload)));
    if let Err(Escaped { panic: Some(panic), .. }) = caught {
        die(&panic);
    }
}

/// A `goexit` and a panic end with the goroutine that they unwound: the next one on its stack knows nothing of them.
#[inline]
pub(crate) fn forget(g: &'static G) {
    g.goexiting.set(false);
    if !g.unwindings(|unwindings| unwindings.is_empty()) {
        forget_slow(g);
    }
}

#[cold]
fn forget_slow(g: &'static G) {
    discard(g.unwindings(Unwindings::clear));
}

/// Whether the unwinding of goroutine `g`, which runs a destructor at the root of its stack, will end it as a return does.
pub(crate) fn ends_well(g: &'static G) -> bool {
    g.unwindings(|unwindings| !unwindings.is_unrecovered())
}

/// Nobody has recovered: prints the panic, after those that led to it, and ends the process.
#[cold]
pub(crate) fn die(panic: &Panic) -> ! {
    let mut text = String::new();
    let _ = write_chain(&mut text, core::iter::once(panic));
    die_with(&text, panic.location.as_ref(), panic.backtrace.as_ref())
}

/// As [`die`], for a panic that was caught and that nobody can observe any more.
#[cold]
pub(crate) fn die_with(message: &str, at: Option<&(String, u32, u32)>, backtrace: Option<&Backtrace>) -> ! {
    // One report only: whoever comes second waits for the end of the process.
    static DYING: Mutex<()> = Mutex::new(());
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

/// Writes `panics`, each after those that led to it, in Go's way but for the first `panic: `: `A [recovered]`, and
/// `panic: B` on the next line. What is said of a text that is there already is not said again.
fn write_chain<'a>(out: &mut dyn Write, panics: impl Iterator<Item = &'a Panic>) -> fmt::Result {
    let mut between = "";
    let mut said = false;
    for panic in panics {
        let earlier = panic.earlier.iter().map(|e| (&e.message, e.recovered, e.repanicked));
        for (message, recovered, repanicked) in earlier.chain([(&panic.message, panic.recovered, false)]) {
            if !said {
                let fate = match (recovered, repanicked) {
                    (_, true) => " [recovered, repanicked]",
                    (true, false) => " [recovered]",
                    (false, false) => "",
                };
                write!(out, "{between}{message}{fate}")?;
                between = "\npanic: ";
            }
            said = repanicked;
        }
    }
    Ok(())
}

/// Prints the panics whose deferred calls the calling goroutine runs: what comes next is a fatal error.
fn print_outer(out: &mut dyn Write) {
    let Some(g) = g::current() else { return };
    let mut text = String::new();
    let _ = g.unwindings(|unwindings| write_chain(&mut text, unwindings.outer()));
    if !text.is_empty() {
        let _ = write!(out, "panic: {}\n\t", text.replace('\n', "\n\t"));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::gmp::Turn;
    use crate::gmp::unwinding::Thread;

    fn chain(unwindings: &Unwindings) -> String {
        let mut text = String::new();
        write_chain(&mut text, unwindings.outer()).expect("a string");
        text
    }

    /// A panic begins at the present depth, and runs a deferred call: what `f` finds there.
    fn in_a_call_of<T>(u: &mut Unwindings, message: &str, f: impl FnOnce(&mut Unwindings) -> T) -> T {
        let thread = Thread { panicking: true, turn: Turn::default() };
        let born = u.defer(thread);
        u.begin(Panic::of_message(message.to_owned()), core::any::TypeId::of::<&str>());
        let call = u.enter_call(born, thread, false);
        let found = f(u);
        let _ = u.leave_call(call, None);
        found
    }

    /// PN-018: what a fatal error says first.
    #[test]
    fn panics_during_which_it_happens() {
        let mut u = Unwindings::new(true);
        assert_eq!(chain(&u), "");
        let text = in_a_call_of(&mut u, "one", |u| {
            assert_eq!(chain(u), "one");
            assert!(u.recover().is_some());
            in_a_call_of(u, "two", |u| chain(u))
        });
        assert_eq!(text, "one [recovered]\npanic: two");
        assert_eq!(chain(&u), "");
    }
}
