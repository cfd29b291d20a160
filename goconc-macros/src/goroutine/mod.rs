//! `#[goroutine]`.

mod frame;
mod function;
mod lifetimes;
mod main;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::parse::{Function, Options};
use crate::errors::Errors;

const NOT_A_FUTURE: &str = "a goroutine is not a future: remove `async`, and call what parks (`recv`, `sleep` ..) \
                            without `.await`";
const NOT_CONST: &str = "a Go function may park, which nothing does at compile time: remove `const`";
const NOT_FOREIGN: &str = "foreign code calls this on a stack that can neither park nor unwind: remove `extern`, and call a \
                           Go function from a plain `extern` one through `goconc::run`";

/// `options` is what stands in the parentheses of the attribute, `item` what the attribute stands on.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(syn::Error::new(
                error.span(),
                format_args!("`#[goroutine]` is for functions: {error}"),
            ));
            let errors = errors.into_tokens();
            return quote!(#errors #item);
        }
    };
    let is_main = function.sig.ident == "main" && function.sig.receiver().is_none();
    if is_main {
        main::validate(&function, &options, &mut errors);
    } else {
        function::validate(&function, &options, &mut errors);
    }
    match (errors.into_tokens(), is_main) {
        (None, true) => main::expand(function, &options),
        (None, false) => function::expand(function, &options.krate),
        (Some(errors), true) => {
            let filler = main::filler(&function);
            quote!(#errors #filler)
        }
        (Some(errors), false) => quote!(#errors #function),
    }
}
