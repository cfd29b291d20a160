//! A crate that hands goconc on in every way there is. Its users depend on nothing else.

pub use goconc;
pub use goconc::{go as start, goroutine};

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
