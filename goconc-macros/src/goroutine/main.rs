//! `#[goroutine] fn main`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{ReturnType, Type};

use super::frame;
use super::parse::{Body, Function, Options};
use crate::errors::Errors;

pub(crate) fn validate(function: &Function, options: &Options, errors: &mut Errors) {
    let sig = &function.sig;
    if !sig.inputs.is_empty() {
        errors.at(&sig.inputs, "`main` takes no arguments: use `std::env::args()`");
    }
    if sig.generics.lt_token.is_some() {
        errors.at(&sig.generics, "`main` cannot be generic");
    }
    if let Some(asyncness) = &sig.asyncness {
        errors.at(asyncness, super::NOT_A_FUTURE);
    }
    if let Some(constness) = &sig.constness {
        errors.at(constness, super::NOT_CONST);
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, super::NOT_FOREIGN);
    }
    if let (Some(sticky), Some(_)) = (&options.sticky, &options.migrate) {
        errors.at(
            sticky,
            "`sticky` and `unsafe(migrate)` contradict each other: goroutines move between threads or not",
        );
    }
    if let Body::Missing(semicolon) = &function.body {
        errors.at(semicolon, "`main` has no body");
    }
}

// Input:
//     /// Docs.
//     #[goroutine(gomaxprocs = 4, sticky)]
//     fn main() -> Result<(), Error> { body }
// Output:
//     /// Docs.
//     fn main() -> ::std::process::ExitCode {
//         fn main() -> Result<(), Error> { body }
//         ::goconc::__private::main::<Result<(), Error>>(::goconc::__private::MainOptions::new().gomaxprocs(4).sticky(), main)
//     }
//
// A function inside and not a closure: its return type can be `impl Termination`, and backtraces have the name.
pub(crate) fn expand(mut function: Function, options: &Options) -> TokenStream {
    let site = Span::mixed_site();
    let krate = &options.krate;
    if let Body::Block { statements, .. } = &mut function.body {
        *statements = frame::around(std::mem::take(statements), &function.sig.output, krate);
    }
    let main = krate.private("main");
    let new = krate.private("MainOptions");
    let gomaxprocs = options.gomaxprocs.iter();
    let stack_size = options.stack_size.iter();
    let sticky = options.sticky.iter().map(|_| quote_spanned!(site=> .sticky()));
    let migrate = options.migrate.iter().map(|_| quote_spanned!(site=> .migrate()));

    let Function { attrs, vis, sig, body } = &function;
    let result = result(&sig.output);
    let name = &sig.ident;
    let safety = &sig.safety;
    quote_spanned! {site=>
        #(#attrs)*
        #vis #safety fn #name() -> ::std::process::ExitCode {
            #sig #body
            #main #result(
                #new::new() #(.gomaxprocs(#gomaxprocs))* #(.stack_size(#stack_size))* #(#sticky)* #(#migrate)*,
                #name,
            )
        }
    }
}

/// `::<Type>`, if the result has one that can be named: what is wrong with it is shown there.
fn result(output: &ReturnType) -> Option<TokenStream> {
    let ReturnType::Type(_, ty) = output else { return None };
    match **ty {
        Type::Path(_) if !has_impl(ty.to_token_stream()) => Some(quote!(::<#ty>)),
        _ => None,
    }
}

/// Whether there is an `impl Trait` in `ty`.
fn has_impl(ty: TokenStream) -> bool {
    ty.into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => word == "impl",
        TokenTree::Group(group) => has_impl(group.stream()),
        _ => false,
    })
}

/// A `main` with no more mistakes in it than the user made: what was written, as a function inside.
pub(crate) fn filler(function: &Function) -> TokenStream {
    let Function { attrs, vis, sig, body } = function;
    let name = &sig.ident;
    let inside = match body {
        Body::Missing(_) => quote!(),
        Body::Block { .. } => quote!(#[allow(dead_code)] #sig #body),
    };
    quote!(#(#attrs)* #vis fn #name() { #inside })
}
