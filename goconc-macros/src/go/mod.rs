//! `go!`.

pub(crate) mod expand;
pub(crate) mod form;
mod nap;
pub(crate) mod operand;
mod parse;
#[cfg(test)]
mod tests;
mod two;

use proc_macro2::{Delimiter, TokenStream};

use crate::path::CratePath;

/// `tokens` are `($crate)` and what is in the `go!`. `written` finds out how it is written: `go! { f(x) }` is a block,
/// `go!(f(x))` a call.
pub(crate) fn expand(tokens: TokenStream, written: impl FnOnce() -> Option<Delimiter>) -> TokenStream {
    let (krate, tokens) = CratePath::split(tokens);
    expand::expand(parse::Go::parse(tokens, written), &krate)
}
