//! `go!`.

pub(crate) mod expand;
pub(crate) mod form;
pub(crate) mod operand;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::{Delimiter, TokenStream};

/// `delimiter` tells `go! { f(x) }`, a block, from `go!(f(x))`, a call.
pub(crate) fn expand(tokens: TokenStream, delimiter: Delimiter) -> TokenStream {
    expand::expand(parse::Go::parse(tokens, delimiter))
}
