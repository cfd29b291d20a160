//! What `go!` makes of a block that begins with a sleep: one closure up to there, and one for the rest.
//!
//! The first one runs on a stack and returns [`Begun`]. Then the goroutine leaves its stack, and is as large as its record until
//! it wakes up; it goes on with the second closure, on any stack.

use core::any::{Any, TypeId};
use core::panic::Location;
use std::time::Duration;

use super::Options;
use crate::sched::spawn::{self, Wish};
use crate::time;

/// `go!` without options.
#[inline]
#[track_caller]
pub fn go<B, R>(begin: B)
where
    B: FnOnce() -> Begun<R> + Send + 'static,
    R: FnOnce() + 'static,
{
    spawn::spawn(move || begin().go_on(), Wish::default(), Location::caller());
}

/// `go!` with options.
#[track_caller]
pub fn go_with<B, R>(options: Options, begin: B)
where
    B: FnOnce() -> Begun<R> + Send + 'static,
    R: FnOnce() + 'static,
{
    spawn::spawn(move || begin().go_on(), options.0, Location::caller());
}

/// A goroutine that has come to its sleep, and what it does afterwards.
#[derive(Debug)]
pub struct Begun<R> {
    nap: Nap,
    can_move: bool,
    rest: R,
}

impl<R: FnOnce()> Begun<R> {
    #[inline]
    fn go_on(self) {
        match self.nap.0 {
            // SAFETY: the macro has found out whether `rest` may go to another thread, and the goroutine's closure ends here.
            Some((d, at)) => unsafe { time::run_after_nap(d, at, self.can_move, self.rest) },
            None => (self.rest)(),
        }
    }
}

/// Whether what the program calls `time::sleep` is that.
#[inline]
pub fn is_sleep<F: 'static>(_: &F) -> bool {
    fn type_of<F: 'static>(_: &F) -> TypeId {
        TypeId::of::<F>()
    }
    TypeId::of::<F>() == type_of(&time::sleep)
}

/// For how long to sleep, and where in the program, if that is still to come.
#[derive(Debug)]
pub struct Nap(Option<(Duration, &'static Location<'static>)>);

/// The place where the method is called.
#[derive(Debug)]
pub struct Here;

impl Here {
    /// `d` is what was given to `time::sleep`.
    #[inline]
    #[track_caller]
    pub fn sleep_for<D: 'static>(self, d: D) -> Nap {
        let at = Location::caller();
        Nap((&d as &dyn Any).downcast_ref().map(|d| (*d, at)))
    }
}

impl Nap {
    /// Some other function has been called instead.
    #[inline]
    pub fn over() -> Nap {
        Nap(None)
    }

    /// What comes next. `can_move`: it may go to another thread.
    #[inline]
    pub fn then<R: FnOnce() + 'static>(self, can_move: bool, rest: R) -> Begun<R> {
        Begun { nap: self, can_move, rest }
    }
}

/// Asks of a variable whether it may go to another thread: the method of [`MayMove`] is found first, if there is one.
#[derive(Debug)]
pub struct Local<'a, T>(pub &'a T);

/// It may.
pub trait MayMove {
    /// Yes.
    fn can_move(&self) -> bool {
        true
    }
}

impl<T: Send> MayMove for Local<'_, T> {}

/// It may not, for all we know.
pub trait MayStay {
    /// No.
    fn can_move(&self) -> bool {
        false
    }
}

impl<T> MayStay for &Local<'_, T> {}
