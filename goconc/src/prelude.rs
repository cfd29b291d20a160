//! `use goconc::prelude::*`: the macros, `Chan`, `Recv`, and the packages by name.
//!
//! Its [`recover`] does not compile outside of a [`defer!`]; inside it is [`goconc::recover`](crate::recover()).
//!
//! [`chan::Send`] is not here: it would hide the trait `Send` of the standard library from your bounds.

pub use crate::__private::outside_of_defer::recover;
pub use crate::{Chan, Recv, defer, go, goroutine, goroutine_local, select};
pub use crate::{chan, runtime, sync, time};
