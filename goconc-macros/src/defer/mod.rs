//! `defer!`.

mod expand;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

pub(crate) use expand::mentions;

/// `braces` tells whether the macro is written with braces: `defer! { f(x) }` is a block, `defer!(f(x))` a call.
pub(crate) fn expand(tokens: TokenStream, braces: bool) -> TokenStream {
    expand::expand(parse::Defer::parse(tokens, braces))
}
