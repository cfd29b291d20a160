//! The only paths that macros may name. Not for people: anything here may change with any version.

pub mod arg;
pub mod capture;
pub mod nap;
pub mod outside_of_defer;

use std::borrow::Cow;
use std::panic::Location;
use std::process::{ExitCode, Termination};

use crate::migration::Policy;
use crate::sched::spawn::{self, Wish};
use crate::sched::start::{self, Config};
use crate::stack::Class;

pub use crate::chan::select;
pub use crate::defer::recover::recover;
pub use crate::defer::{Deferred, Function, NoZero, OfResult, Probe};
pub use crate::local::LocalKey;
pub use goconc_macros::{defer, go, select};

/// A cloneable handle: `go!` clones it in the caller when it is given by reference.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a handle that `go!` clones")]
pub trait Handle {}

impl<T> Handle for crate::Chan<T> {}
impl<T> Handle for crate::chan::Send<T> {}
impl<T> Handle for crate::chan::Recv<T> {}
impl<T: ?Sized> Handle for std::sync::Arc<T> {}

/// `go!` without options.
#[inline]
#[track_caller]
pub fn go<F: FnOnce() + Send + 'static>(f: F) {
    spawn::spawn(f, Wish::default(), Location::caller());
}

/// `go!` with options.
#[track_caller]
pub fn go_with<F: FnOnce() + Send + 'static>(options: Options, f: F) {
    spawn::spawn(f, options.0, Location::caller());
}

/// The options of `go!`.
#[derive(Debug, Default)]
pub struct Options(pub(super) Wish);

impl Options {
    /// None.
    pub fn new() -> Self {
        Options::default()
    }

    /// `name = ..`
    #[must_use]
    pub fn name(mut self, name: impl Name) -> Self {
        self.0.name = Some(Box::new(name.name()));
        self
    }

    /// `stack_size = ..`
    #[must_use]
    #[track_caller]
    pub fn stack_size(mut self, size: impl StackSize) -> Self {
        self.0.class = Some(class(&size));
        self
    }
}

/// The name of a goroutine.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name of a goroutine",
    label = "not a `&'static str` or a `String`",
    note = "a name that is made at run time is a `String`: `name = format!(..)`"
)]
pub trait Name {
    /// As it is stored.
    fn name(self) -> Cow<'static, str>;
}

#[diagnostic::do_not_recommend]
impl<T: Into<Cow<'static, str>>> Name for T {
    fn name(self) -> Cow<'static, str> {
        self.into()
    }
}

#[track_caller]
fn class(size: &impl StackSize) -> Class {
    let bytes = size.bytes();
    let Some(class) = bytes.and_then(Class::for_size) else {
        panic!("stack_size: {}: must be a size of up to 8 MiB, such as \"256 KiB\"", size.text())
    };
    class
}

/// A size of a stack: a number of bytes, or a text such as "256 KiB".
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no size of a stack",
    label = "not a `usize` or a `&str`",
    note = "a stack size is a number of bytes, or a text such as \"256 KiB\""
)]
pub trait StackSize {
    /// In bytes; `None` when it is not a size.
    fn bytes(&self) -> Option<usize>;
    /// As it was written.
    fn text(&self) -> String;
}

impl StackSize for usize {
    fn bytes(&self) -> Option<usize> {
        (*self > 0).then_some(*self)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl StackSize for &str {
    fn bytes(&self) -> Option<usize> {
        let digits = self.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.len());
        let (number, unit) = self.split_at(digits);
        let unit = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.parse::<usize>().ok()?.checked_mul(unit).filter(|&bytes| bytes > 0)
    }

    fn text(&self) -> String {
        format!("{self:?}")
    }
}

/// The options of `#[goroutine]` on main.
#[derive(Clone, Copy, Debug, Default)]
pub struct MainOptions(Config);

impl MainOptions {
    /// None.
    pub fn new() -> Self {
        MainOptions::default()
    }

    /// `gomaxprocs = ..`
    #[must_use]
    pub fn gomaxprocs(mut self, n: usize) -> Self {
        self.0.gomaxprocs = Some(n);
        self
    }

    /// `stack_size = ..`
    #[must_use]
    #[track_caller]
    pub fn stack_size(mut self, size: impl StackSize) -> Self {
        self.0.class = Some(class(&size));
        self
    }

    /// `sticky`
    #[must_use]
    pub fn sticky(mut self) -> Self {
        self.0.policy = Policy::Sticky;
        self
    }

    /// `unsafe(migrate)`: the attribute's word `unsafe` is where the author vouches for the program's thread-locals.
    #[must_use]
    pub fn migrate(mut self) -> Self {
        self.0.policy = Policy::Migrate;
        self
    }
}

/// Runs `f` as the main goroutine. When it returns the process ends; other goroutines are abandoned.
#[track_caller]
pub fn main<T: Termination>(options: MainOptions, f: impl FnOnce() -> T) -> ExitCode {
    let main = move || {
        // Recovered by a function without a frame: main has returned.
        let code = crate::defer::or_recovered(f).map_or(ExitCode::SUCCESS, Termination::report);
        std::process::exit(number(code))
    };
    // SAFETY: `f` is run on this thread, which never returns from here, so what it borrows stays; the process ends with it.
    unsafe { start::run_main(options.0, main, Location::caller()) }
}

/// The number behind an exit code, which std does not tell.
fn number(code: ExitCode) -> i32 {
    (0..=u8::MAX).find(|&n| ExitCode::from(n) == code).map_or(1, i32::from)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let bytes = |text: &'static str| StackSize::bytes(&text);
        assert_eq!(bytes("256 KiB"), Some(256 << 10));
        assert_eq!(bytes("65536"), Some(65536));
        assert_eq!(bytes("1MiB"), Some(1 << 20));
        for bad in ["", "KiB", "0", "-1", "1 KB", "99999999999999999999"] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn exit_codes_are_found_again() {
        assert_eq!(number(ExitCode::SUCCESS), 0);
        assert_eq!(number(ExitCode::FAILURE), 1);
        assert_eq!(number(ExitCode::from(42)), 42);
    }
}
