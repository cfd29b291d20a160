//! `defer!`.

mod expand;
mod parse;
#[cfg(test)]
mod tests;

use core::cell::LazyCell;

use proc_macro2::{Delimiter, TokenStream};

use crate::path::CratePath;

pub(crate) use expand::mentions;

/// `tokens` are `($crate)` and what is in the `defer!`. `written` finds out how it is written: `defer! { f(x) }` is a block,
/// `defer!(f(x))` a call.
pub(crate) fn expand(tokens: TokenStream, written: impl FnOnce() -> Option<Delimiter>) -> TokenStream {
    let (krate, tokens) = CratePath::split(tokens);
    let braces = LazyCell::new(|| written() == Some(Delimiter::Brace));
    expand::expand(parse::Defer::parse(tokens, &|| *braces), &krate)
}
