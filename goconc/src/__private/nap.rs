//! What `go!` makes of a block that begins with a sleep or a receive: one closure up to there, and one for the rest.
//!
//! The first one runs on a stack and returns what the goroutine has come to, and the second one. Then the goroutine leaves its stack,
//! and is as large as its record until it wakes up; it goes on with the second closure, on any stack.

use core::any::{Any, TypeId};
use core::marker::PhantomData;
use core::panic::Location;
use std::time::Duration;

use super::Options;
pub use crate::chan::dormant::{First, Got, Target};
use crate::chan::{Chan, Recv};
use crate::sched::spawn::{self, Wish};
use crate::time;

/// `go!` without options.
#[inline]
#[track_caller]
pub fn go<B, R>(begin: B)
where
    B: FnOnce() -> R + Send + 'static,
    R: GoOn,
{
    spawn::spawn(move || begin().go_on(), Wish::default(), Location::caller());
}

/// `go!` with options.
#[track_caller]
pub fn go_with<B, R>(options: Options, begin: B)
where
    B: FnOnce() -> R + Send + 'static,
    R: GoOn,
{
    spawn::spawn(move || begin().go_on(), options.0, Location::caller());
}

/// A goroutine that has come to where it may wait, and what it does afterwards.
pub trait GoOn {
    /// Waits, and does it. The last that the goroutine's closure does.
    fn go_on(self);
}

/// A goroutine that has come to its sleep, and what it does afterwards.
#[derive(Debug)]
pub struct Begun<R> {
    nap: Nap,
    can_move: bool,
    rest: R,
}

impl<R: FnOnce()> GoOn for Begun<R> {
    #[inline]
    fn go_on(self) {
        match self.nap.0 {
            // SAFETY: the macro has found out whether `rest` may go to another thread, and the goroutine's closure ends here.
            Some((d, at)) => unsafe { time::run_after_nap(d, at, self.can_move, self.rest) },
            None => (self.rest)(),
        }
    }
}

/// Whether what the program calls `time::sleep`, with this argument, is that.
#[inline]
pub fn is_sleep<F: FnOnce(D) -> R + 'static, D, R>(_: &F, _: &D) -> bool {
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

/// Asks of a place that has the method `recv` whether that is a channel's: the method of [`Receives`] is found first, if there is one.
#[derive(Debug)]
pub struct Source<'a, T: ?Sized>(pub &'a T);

/// It is a channel.
pub trait Receives {
    /// Of these.
    type Item;

    /// The channel, and the place where the method is called.
    #[track_caller]
    fn receive(&self) -> Target<Self::Item>;
}

impl<T> Receives for Source<'_, Chan<T>> {
    type Item = T;

    #[inline]
    #[track_caller]
    fn receive(&self) -> Target<T> {
        Target::new(self.0.receiving(), Location::caller())
    }
}

impl<T> Receives for Source<'_, Recv<T>> {
    type Item = T;

    #[inline]
    #[track_caller]
    fn receive(&self) -> Target<T> {
        Target::new(self.0, Location::caller())
    }
}

/// It is something else.
pub trait ReceivesNot {
    /// Then there is nothing to know.
    #[inline]
    fn receive(&self) -> Other {
        Other
    }
}

impl<T: ?Sized> ReceivesNot for &Source<'_, T> {}

/// Something else than a channel.
#[derive(Debug)]
pub struct Other;

/// The receive of a goroutine that begins with one.
#[derive(Debug)]
pub struct Begins<S, R> {
    from: S,
    can_move: bool,
    rest: R,
}

impl<T> Target<T> {
    /// What the goroutine does with what was received, or with the news that nothing was yet.
    #[inline]
    pub fn rest<R: FnOnce(First<Got<T>>)>(self, rest: R) -> Begins<Target<T>, R> {
        Begins { from: self, can_move: false, rest }
    }
}

impl Other {
    /// As for a channel, but nothing is ever received before.
    #[inline]
    pub fn rest<R: FnOnce(First<Never>)>(self, rest: R) -> Receiving<R> {
        Receiving { rest }
    }
}

/// What there is not.
#[derive(Debug)]
pub enum Never {}

impl Never {
    /// Of any type.
    pub fn get<V>(self) -> V {
        match self {}
    }
}

/// A goroutine that begins with the `recv` of something else.
#[derive(Debug)]
pub struct Receiving<R> {
    rest: R,
}

impl<R> Receiving<R> {
    /// That makes no difference.
    #[inline]
    pub fn if_it(self, _: bool) -> Self {
        self
    }
}

impl<S, R> Begins<S, R> {
    /// Whether it may go to another thread.
    #[inline]
    pub fn if_it(self, can_move: bool) -> Self {
        Begins { can_move, ..self }
    }
}

impl<R: FnOnce(First<Never>)> GoOn for Receiving<R> {
    #[inline]
    fn go_on(self) {
        (self.rest)(First::Call);
    }
}

impl<T, R: FnOnce(First<Got<T>>)> GoOn for Begins<Target<T>, R> {
    #[inline]
    fn go_on(self) {
        if self.can_move {
            // SAFETY: the macro has found out whether `rest` may go to another thread, and that has the channel; the goroutine's
            // closure ends here.
            unsafe { self.from.receive(self.rest) };
        } else {
            (self.rest)(First::Call);
        }
    }
}

/// Asks of a variable whether it may go to another thread: the method of [`MayMove`] is found first, if there is one.
#[derive(Debug)]
pub struct Local<T>(PhantomData<fn() -> T>);

impl<T> Local<T> {
    /// Of this one.
    #[inline]
    pub fn of(_: &T) -> Self {
        Local(PhantomData)
    }
}

/// It may.
pub trait MayMove {
    /// Yes.
    fn can_move(&self) -> bool {
        true
    }
}

impl<T: Send> MayMove for Local<T> {}

/// It may not, for all we know.
pub trait MayStay {
    /// No.
    fn can_move(&self) -> bool {
        false
    }
}

impl<T> MayStay for &Local<T> {}
