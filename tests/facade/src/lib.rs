//! A crate that hands goconc on in every way there is. Its users depend on nothing else.

pub use goconc;
pub use goconc::{defer as at_end, go as start, goroutine, select as choose};

/// Its own prelude.
pub mod prelude {
    pub use goconc::prelude::*;
}

/// A macro with `go!` inside: `background!(f(x))` evaluates everything in the goroutine.
#[macro_export]
macro_rules! background {
    ($call:expr) => {
        $crate::goconc::go!({ $call })
    };
}

/// A macro with `select!` inside: the next value, or nothing if none is there.
#[macro_export]
macro_rules! poll {
    ($channel:expr) => {
        $crate::goconc::select! { value = <-$channel => value, default => ::core::option::Option::None }
    };
}

/// A macro with `defer!` and `recover` inside: a panic of the rest of the block ends here, and the function returns `$value`.
#[macro_export]
macro_rules! or_else {
    ($value:expr) => {
        $crate::goconc::defer! {
            if let ::core::option::Option::Some(panic) = $crate::goconc::recover() {
                panic.returning($value);
            }
        }
    };
}
