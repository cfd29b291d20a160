//! How the capture list of `go!` clones what it names: `go!([ch] ..)` has `let ch = Capture(&ch).kind().get(&ch);`.
//!
//! That is `ch.clone()`: of a `ch` that is a reference it clones what is behind it, if that can be cloned. Method lookup
//! decides, as in `arg`. What cannot be cloned is refused with other words than those for a method that is not found.

#![doc(hidden)]

use std::ops::Deref;

/// Asks for the kind of the variable it refers to.
#[derive(Debug)]
pub struct Capture<'c, T>(pub &'c T);

impl<T: Clone> Capture<'_, &T> {
    /// A reference to what can be cloned.
    pub fn kind(&self) -> Behind {
        Behind
    }
}

impl<T> Deref for Capture<'_, T> {
    type Target = AnyCapture;

    fn deref(&self) -> &AnyCapture {
        &AnyCapture
    }
}

/// What a [`Capture`] is when its variable is no such reference.
#[derive(Debug)]
pub struct AnyCapture;

impl AnyCapture {
    /// Anything else.
    pub fn kind(&self) -> Itself {
        Itself
    }
}

/// The kind of a reference: what is behind it is cloned.
#[derive(Debug)]
pub struct Behind;

impl Behind {
    /// The clone.
    pub fn get<T: Clone>(self, variable: &&T) -> T {
        (*variable).clone()
    }
}

/// The kind of every other variable: it is cloned itself.
#[derive(Debug)]
pub struct Itself;

impl Itself {
    /// The clone.
    pub fn get<T: Captured>(self, variable: &T) -> T {
        variable.captured()
    }
}

/// What a capture list can name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a capture list, which clones: it is not `Clone`",
    label = "cannot be cloned",
    note = "to share it, put it into an `Arc` and list that; to give it away, leave it out of the list: it moves into a \
            block or closure that names it"
)]
pub trait Captured {
    /// A clone.
    fn captured(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Captured for T {
    fn captured(&self) -> T {
        self.clone()
    }
}
