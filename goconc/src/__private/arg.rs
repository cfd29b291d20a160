//! How `go!` carries an argument from the caller into the new goroutine.
//!
//! An argument that is a reference to a [`Handle`] (`&Chan`, `&Arc<T>` ..) is cloned in the caller, and the goroutine
//! passes a reference to the clone. Any other argument is moved. Which of the two it is depends on a type, and a macro
//! sees no types, so method lookup decides: [`Probe`] has a method `kind` for references to handles only, and
//! dereferences to types that have one for the rest. An inherent method needs no trait in scope, and lookup
//! takes the first type on the way that has one.
//!
//! In the caller, then in the goroutine:
//! ```text
//! let kept = Probe(&arg).kind().keep(arg);           // (Value(arg), ()) or (Borrow, clone)
//! let (arg, held) = kept;  let arg = arg.pass(&held); // arg, or &clone
//! ```
//! The type of `arg` is the same before and after, only the lifetime differs (and `&&Chan` becomes `&Chan`): a call that
//! type-checks in the caller does so in the goroutine.

#![doc(hidden)]

use std::marker::PhantomData;
use std::ops::Deref;

use super::Handle;

/// Asks for the kind of the argument it refers to.
#[derive(Debug)]
pub struct Probe<'p, T>(pub &'p T);

impl<H: Handle + Clone> Probe<'_, &H> {
    /// A reference to a handle: clone the handle.
    pub fn kind(&self) -> CloneHandle {
        CloneHandle
    }
}

impl<T> Deref for Probe<'_, T> {
    type Target = BehindProbe<T>;

    fn deref(&self) -> &BehindProbe<T> {
        &BehindProbe(PhantomData)
    }
}

/// What a [`Probe`] is when its argument is no reference to a handle.
#[derive(Debug)]
pub struct BehindProbe<T>(PhantomData<T>);

impl<H: Handle + Clone> BehindProbe<&&H> {
    /// A reference to a reference, as `&jobs` where `jobs` is a reference already: a call forgives that.
    pub fn kind(&self) -> CloneBehind {
        CloneBehind
    }
}

impl<T> Deref for BehindProbe<T> {
    type Target = AnyProbe;

    fn deref(&self) -> &AnyProbe {
        &AnyProbe
    }
}

/// What a [`Probe`] is when its argument is not that either.
#[derive(Debug)]
pub struct AnyProbe;

impl AnyProbe {
    /// Anything else: move it.
    pub fn kind(&self) -> Move {
        Move
    }
}

/// The kind of a reference to a handle.
#[derive(Debug)]
pub struct CloneHandle;

impl CloneHandle {
    /// In the caller: takes a clone to hold in the goroutine.
    pub fn keep<H: Handle + Clone>(self, handle: &H) -> (Borrow, H) {
        (Borrow, handle.clone())
    }
}

/// The kind of a reference to a reference to a handle.
#[derive(Debug)]
pub struct CloneBehind;

impl CloneBehind {
    /// In the caller: takes a clone to hold in the goroutine.
    pub fn keep<H: Handle + Clone>(self, handle: &&H) -> (Borrow, H) {
        (Borrow, (*handle).clone())
    }
}

/// The kind of every other argument.
#[derive(Debug)]
pub struct Move;

impl Move {
    /// In the caller: takes the argument itself.
    pub fn keep<T>(self, value: T) -> (Value<T>, ()) {
        (Value(value), ())
    }
}

/// Passes a reference to what the goroutine holds.
#[derive(Debug)]
pub struct Borrow;

impl Borrow {
    /// In the goroutine: the argument of the call.
    pub fn pass<H>(self, held: &H) -> &H {
        held
    }
}

/// Passes the argument itself.
#[derive(Debug)]
pub struct Value<T>(T);

impl<T> Value<T> {
    /// In the goroutine: the argument of the call.
    pub fn pass(self, (): &()) -> T {
        self.0
    }
}

/// Evaluates a place, such as the receiver `self.jobs` of `go!(self.jobs.send(1))`, without moving out of it: a method
/// call would have borrowed it too. A `Copy` value is copied, so that a field that is itself a reference gives that
/// reference; anything else gives a reference to the place, which [`Probe`] then looks at.
#[derive(Debug)]
pub struct Place<'p, T>(PlaceRef<'p, T>);

impl<'p, T> Place<'p, T> {
    /// Refers to the place.
    pub fn new(place: &'p T) -> Self {
        Place(PlaceRef(place))
    }
}

impl<T: Copy> Place<'_, T> {
    /// A `Copy` value: a copy.
    pub fn read(&self) -> T {
        *self.0.0
    }
}

impl<'p, T> Deref for Place<'p, T> {
    type Target = PlaceRef<'p, T>;

    fn deref(&self) -> &PlaceRef<'p, T> {
        &self.0
    }
}

/// What a [`Place`] is when its value is not `Copy`.
#[derive(Debug)]
pub struct PlaceRef<'p, T>(&'p T);

impl<'p, T> PlaceRef<'p, T> {
    /// Any other value: a reference to it.
    pub fn read(&self) -> &'p T {
        self.0
    }
}
