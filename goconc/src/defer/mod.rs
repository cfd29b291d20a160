//! Deferred calls, and the frames in which a recovered panic ends.
//!
//! A deferred call is the destructor of a [`Deferred`] at the end of its block. It may borrow from the block, so it has to run
//! there: before the frame catches anything. What comes of it is left in the [`Unwindings`] of the goroutine or thread,
//! for whoever catches:
//!
//! - It runs under `catch_unwind`. A panic that leaves a destructor while unwinding would abort the process.
//! - If an unwinding runs it, that goes on with its old value, whatever happens: recovered, or replaced by the panic of
//!   the deferred call, is what its entry says. If its block has come to its end, a panic is thrown on as it came.
//! - A deferred call is itself a frame: what it recovers of its own panics ends with it.
//!
//! Whether an unwinding runs it: `std::thread::panicking` says no with certainty. A yes may be that of an outer panic, whose
//! deferred call called us, or of another goroutine, parked on this thread while it unwinds. So a panic must also have begun
//! since the call was deferred, at the same depth; or the thread was not panicking then, and the goroutine has not parked.

pub(crate) mod recover;

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::gmp::unwinding::{Born, Call, Escaped, Frame, Given, Payload, Recovery, Thread, Unwindings};
use crate::gmp::{G, Turn, g};
use crate::local;
use crate::panics::{self, discard};

/// Calls `f`, which calls no code of the program, with the panics in flight of the calling goroutine or thread.
#[inline]
fn unwindings<T>(f: impl FnOnce(&mut Unwindings) -> T) -> T {
    match g::current() {
        Some(g) => g.unwindings(f),
        None => on_plain_thread(f),
    }
}

#[cold]
fn on_plain_thread<T>(f: impl FnOnce(&mut Unwindings) -> T) -> T {
    let (mut f, mut result) = (Some(f), None);
    local::plain_unwindings(&mut |unwindings| result = f.take().map(|f| f(unwindings)));
    result.unwrap_or_else(|| crate::sys::throw::throw("defer: no answer"))
}

/// A call, until it runs: when this is dropped.
#[must_use = "it runs when this is dropped"]
pub struct Deferred<F: FnOnce()> {
    call: Option<F>,
    born: Born,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `defer! { .. }`
    Block,
    /// `defer!(f())`
    Call,
    /// `defer!(recover())`: it is no deferred function that calls `recover` here, but who defers it.
    Recover,
}

impl<F: FnOnce()> Deferred<F> {
    /// `defer! { .. }`: `f` is the function that is deferred.
    #[inline]
    pub fn block(f: F) -> Self {
        Deferred::new(f, Kind::Block)
    }

    /// `defer!(f())`: `f` calls the function that is deferred.
    #[inline]
    pub fn call(f: F) -> Self {
        Deferred::new(f, Kind::Call)
    }

    /// `defer!(recover())`.
    #[inline]
    pub fn recover(f: F) -> Self {
        Deferred::new(f, Kind::Recover)
    }

    #[inline]
    fn new(f: F, kind: Kind) -> Self {
        let thread = thread_now();
        if !thread.panicking && !unwindings(|unwindings| unwindings.is_empty()) {
            forget_caught();
        }
        Deferred { call: Some(f), born: unwindings(|unwindings| unwindings.defer(thread)), kind }
    }
}

impl<F: FnOnce()> Drop for Deferred<F> {
    fn drop(&mut self) {
        match self.call.take() {
            Some(f) if self.kind == Kind::Recover => f(),
            Some(f) => run(f, self.born, self.kind),
            None => {}
        }
    }
}

impl<F: FnOnce()> fmt::Debug for Deferred<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The thread is not panicking, so whatever is noted was caught by the program.
#[cold]
fn forget_caught() {
    discard(unwindings(Unwindings::clear));
}

#[inline]
fn thread_now() -> Thread {
    Thread { panicking: std::thread::panicking(), turn: g::current().map_or_else(Turn::default, G::turn) }
}

fn run(f: impl FnOnce(), born: Born, kind: Kind) {
    let call = unwindings(|unwindings| unwindings.enter_call(born, thread_now(), kind == Kind::Call));
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) if unwindings(|unwindings| unwindings.leave_call_quietly(&call)) => {}
        result => ended(call, result),
    }
}

/// A deferred call has ended while something is in flight.
#[cold]
fn ended(call: Call, result: Result<(), Payload>) {
    let escaped = result
        .err()
        .and_then(|payload| panics::caught(unwindings(|unwindings| unwindings.catch(payload))).err());
    let (thrown, old) = unwindings(|unwindings| unwindings.leave_call(call, escaped));
    discard(old);
    if let Some(payload) = thrown {
        resume_unwind(payload);
    }
}

/// The body of a function in which panics may be recovered.
pub struct Function<F, R> {
    body: F,
    result: PhantomData<fn() -> R>,
}

impl<R, F: FnOnce() -> R> Function<F, R> {
    /// The function with this body.
    #[inline(always)]
    pub fn new(body: F) -> Self {
        Function { body, result: PhantomData }
    }

    /// Asks for the zero value of its result.
    #[inline(always)]
    pub fn result(&self) -> Probe<R> {
        Probe(OfResult(NoZero(PhantomData)))
    }

    /// Runs it. After a recovery it returns `zero`.
    #[inline(always)]
    #[track_caller]
    pub fn run(self, zero: Option<fn() -> R>) -> R {
        run_frame(self.body, |recovery| match (&recovery.given, zero) {
            (None, Some(zero)) => Ok(zero()),
            _ => Err(recovery),
        })
    }

    /// Runs it. After a recovery it returns what that gave, else `zero`.
    #[inline(always)]
    #[track_caller]
    pub fn run_or_given(self, zero: Option<fn() -> R>) -> R
    where
        R: 'static,
    {
        run_frame(self.body, |mut recovery| match (recovery.given.take(), zero) {
            (Some(given), _) => {
                let Given { value, type_name } = given;
                value.downcast::<R>().map(|value| *value).map_err(|value| {
                    recovery.given = Some(Given { value, type_name });
                    recovery
                })
            }
            (None, Some(zero)) => Ok(zero()),
            (None, None) => Err(recovery),
        })
    }
}

impl<F, R> fmt::Debug for Function<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").finish_non_exhaustive()
    }
}

/// Has a method `zero` for types with a `Default`, and dereferences to one that has it for others.
#[derive(Debug)]
pub struct Probe<R>(OfResult<R>);

impl<R: Default> Probe<R> {
    /// The zero value.
    #[inline(always)]
    pub fn zero(&self) -> Option<fn() -> R> {
        Some(R::default)
    }
}

impl<R> Deref for Probe<R> {
    type Target = OfResult<R>;

    #[inline(always)]
    fn deref(&self) -> &OfResult<R> {
        &self.0
    }
}

/// What a [`Probe`] is for a type without a `Default`: that of a `Result` is Go's zero value and no error.
#[derive(Debug)]
pub struct OfResult<R>(NoZero<R>);

impl<T: Default, E> OfResult<Result<T, E>> {
    /// The zero value.
    #[inline(always)]
    pub fn zero(&self) -> Option<fn() -> Result<T, E>> {
        Some(|| Ok(T::default()))
    }
}

impl<R> Deref for OfResult<R> {
    type Target = NoZero<R>;

    #[inline(always)]
    fn deref(&self) -> &NoZero<R> {
        &self.0
    }
}

/// What is left: a type without a zero value.
#[derive(Debug)]
pub struct NoZero<R>(PhantomData<fn() -> R>);

impl<R> NoZero<R> {
    /// None.
    #[inline(always)]
    pub fn zero(&self) -> Option<fn() -> R> {
        None
    }
}

/// Runs the body of a function in a frame of its own.
#[inline]
#[track_caller]
fn run_frame<R>(body: impl FnOnce() -> R, result: impl FnOnce(Recovery) -> Result<R, Recovery>) -> R {
    let end = match catch(body) {
        Ok(value) => return value,
        Err(end) => end,
    };
    match result(recovery(*end)) {
        Ok(value) => value,
        Err(recovery) => panic!("{}", panics::no_result(&recovery, core::any::type_name::<R>())),
    }
}

/// Runs `body` in a frame: what it returns, or nothing if it has recovered from a panic.
pub(crate) fn or_recovered<R>(body: impl FnOnce() -> R) -> Option<R> {
    catch(body).map_err(|end| recovery(*end)).ok()
}

/// How an unwinding ends at a frame: recovered, or it goes on.
type End = Result<Recovery, Escaped>;

/// Runs `body` in a frame. On the normal path that costs a few instructions, and nothing is allocated.
#[inline]
fn catch<R>(body: impl FnOnce() -> R) -> Result<R, Box<End>> {
    if g::current().is_none() {
        watch_plain_threads();
    }
    let frame = unwindings(Unwindings::enter_frame);
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => {
            if !unwindings(|unwindings| unwindings.leave_frame_quietly(&frame)) {
                leave_frame(frame);
            }
            Ok(value)
        }
        Err(payload) => Err(unwound(frame, payload)),
    }
}

#[cold]
fn unwound(frame: Frame, payload: Payload) -> Box<End> {
    let end = panics::caught(unwindings(|unwindings| unwindings.catch(payload)));
    leave_frame(frame);
    Box::new(end)
}

#[cold]
fn leave_frame(frame: Frame) {
    discard(unwindings(|unwindings| unwindings.leave_frame(frame)));
}

#[cold]
fn recovery(end: End) -> Recovery {
    end.unwrap_or_else(|escaped| throw_on(escaped))
}

#[cold]
fn throw_on(Escaped { panic, goexit, payload }: Escaped) -> ! {
    unwindings(|unwindings| unwindings.begin_again(panic, goexit, &payload));
    resume_unwind(payload)
}

#[cold]
fn watch_plain_threads() {
    panics::watch_plain_threads(local::plain_unwindings);
}
