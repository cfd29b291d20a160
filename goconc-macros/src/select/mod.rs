//! `select!`.

mod expand;
mod operation;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::path::CratePath;

/// `tokens` are `($crate)` and what is in the `select!`.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let (krate, tokens) = CratePath::split(tokens);
    expand::expand(parse::Select::parse(tokens), &krate.private("select"))
}
