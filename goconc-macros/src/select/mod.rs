//! `select!`.

mod expand;
mod operation;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    expand::expand(parse::Select::parse(tokens))
}
