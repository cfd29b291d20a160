//! The `recover` of the prelude: what the name means outside of a `defer!`, which is a mistake. Inside, the macro declares
//! the name anew, and a name that is declared in a block hides one of a glob import.

use crate::defer::recover::Recovered;

/// The function that a `defer!` runs. No other one is.
#[diagnostic::on_unimplemented(
    message = "`recover()` works only inside of a `defer!`",
    label = "no deferred call",
    note = "`defer! {{ if let Some(panic) = recover() {{ .. }} }}` recovers when a panic ends the block",
    note = "in a function that is deferred by its name, `defer!(f())`, write `goconc::recover()`"
)]
pub trait DeferredCall {}

/// Any other function.
#[derive(Debug)]
pub struct OtherCode;

/// Ends the panic that runs the deferred call: [`goconc::recover`](crate::recover()). Only inside of a
/// [`defer!`](crate::defer).
// A bound on a lifetime is checked where the function is called, one without is checked here.
pub fn recover<'a>() -> Option<Recovered>
where
    &'a OtherCode: DeferredCall,
{
    None
}
