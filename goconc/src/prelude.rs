//! `use goconc::prelude::*`: the macros, `Chan`, `Recv`, and the packages by name.
//!
//! [`chan::Send`] is not here: it would hide the trait `Send` of the standard library from your bounds.

pub use crate::{Chan, Recv, go, goroutine, goroutine_local, select};
pub use crate::{chan, runtime, sync, time};
