//! The place of one arm's value: where a receive puts it, where a send takes it from.
//!
//! A receive's place outlives the communication, because the arm takes the value from there; so it must not keep alive what
//! the value borrows, and has no destructor. It needs none: only the chosen arm's place is full, and that arm empties it. The
//! other places are [`Temporary`] ones, gone before an arm runs; they drop what is in them.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use std::time::Instant;

use crate::sys::clock;

/// What comes from a channel: `None` when it is closed.
#[derive(Debug)]
pub enum FromChannel {}

/// What comes from a [`Waitable`](crate::chan::Waitable): always something.
#[derive(Debug)]
pub enum FromWaitable {}

/// A place for a T. What an arm gets from it depends on where it comes from: `K`.
pub struct Slot<T, K = FromChannel> {
    value: MaybeUninit<T>,
    full: Cell<bool>,
    kind: PhantomData<K>,
}

impl<T, K> Slot<T, K> {
    /// An empty one.
    #[inline(always)]
    pub const fn new() -> Self {
        Slot { value: MaybeUninit::uninit(), full: Cell::new(false), kind: PhantomData }
    }

    /// One with what an operation gave.
    #[inline(always)]
    pub(super) fn of(value: Option<T>) -> Self {
        let mut slot = Slot::new();
        if let Some(value) = value {
            slot.put(value);
        }
        slot
    }

    #[inline(always)]
    pub(super) fn put(&mut self, value: T) {
        self.value.write(value);
        self.full.set(true);
    }

    #[inline(always)]
    pub(super) fn get(&mut self) -> Option<T> {
        // SAFETY: `full` says that there is a value, and it is read once.
        self.full.replace(false).then(|| unsafe { self.value.assume_init_read() })
    }

    /// The place itself, and whether it is full: for a case.
    #[inline(always)]
    pub(super) fn parts(&mut self) -> (*mut (), &Cell<bool>) {
        (self.value.as_mut_ptr().cast(), &self.full)
    }
}

/// Types with a zero value, which a closed channel gives in Go's forms: those with a `Default`, and `Instant`, which has none,
/// but is what timers give. `Way` says nothing: it lets the two be told apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no zero value: `Default` is not implemented for it",
    label = "what is this when the channel is closed?",
    note = "give it one, with `#[derive(Default)]` for instance, or write `v = <-ch`, which gives an `Option`"
)]
pub trait Zero<Way> {
    /// The zero value.
    fn zero() -> Self;
}

/// By `Default`.
#[derive(Debug)]
pub enum ByDefault {}
/// By the clock.
#[derive(Debug)]
pub enum ByClock {}

#[diagnostic::do_not_recommend]
impl<T: Default> Zero<ByDefault> for T {
    #[inline(always)]
    fn zero() -> T {
        T::default()
    }
}

#[diagnostic::do_not_recommend]
impl Zero<ByClock> for Instant {
    fn zero() -> Instant {
        clock::long_ago()
    }
}

impl<T> Slot<T, FromChannel> {
    /// `v = <-ch`: what was received; `None` if the channel is closed and drained.
    #[inline(always)]
    pub fn take(mut self) -> Option<T> {
        self.get()
    }

    /// `v := <-ch`: as [`take`](Self::take), with the zero value for none.
    #[inline(always)]
    pub fn take_or_default<W>(mut self) -> T
    where
        T: Zero<W>,
    {
        self.get().unwrap_or_else(T::zero)
    }

    /// `v, ok := <-ch`
    #[inline(always)]
    pub fn take_ok<W>(mut self) -> (T, bool)
    where
        T: Zero<W>,
    {
        let value = self.get();
        let ok = value.is_some();
        (value.unwrap_or_else(T::zero), ok)
    }
}

impl<T> Slot<T, FromWaitable> {
    /// `v = <-waitable`
    #[inline(always)]
    pub fn take(mut self) -> T {
        self.get().unwrap_or_else(|| crate::sys::throw::throw("select: chose an arm without its value"))
    }

    /// `v := <-waitable`: the same.
    #[inline(always)]
    pub fn take_or_default(self) -> T {
        self.take()
    }

    /// `v, ok := <-waitable`: it cannot be closed.
    #[inline(always)]
    pub fn take_ok(self) -> (T, bool) {
        (self.take(), true)
    }
}

impl<T, K> Default for Slot<T, K> {
    fn default() -> Self {
        Slot::new()
    }
}

impl<T, K> fmt::Debug for Slot<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("full", &self.full.get()).finish()
    }
}

/// A place that no arm takes anything from: of a value to be sent, or of one that is received and not wanted.
#[derive(Debug, Default)]
pub struct Temporary<T, K = FromChannel>(Slot<T, K>);

impl<T, K> Temporary<T, K> {
    /// An empty one.
    #[inline(always)]
    pub const fn new() -> Self {
        Temporary(Slot::new())
    }
}

impl<T, K> Deref for Temporary<T, K> {
    type Target = Slot<T, K>;

    #[inline(always)]
    fn deref(&self) -> &Slot<T, K> {
        &self.0
    }
}

impl<T, K> DerefMut for Temporary<T, K> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Slot<T, K> {
        &mut self.0
    }
}

impl<T, K> Drop for Temporary<T, K> {
    #[inline(always)]
    fn drop(&mut self) {
        drop(self.0.get());
    }
}
