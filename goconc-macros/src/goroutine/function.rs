//! `#[goroutine]` on a function other than `main`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, GenericArgument, Pat, PatType, PathArguments, Type, parse_quote_spanned};

use super::parse::{Body, Function, Options};
use super::{frame, lifetimes};
use crate::errors::Errors;
use crate::path::CratePath;

pub(crate) fn validate(function: &Function, options: &Options, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(asyncness) = &sig.asyncness {
        errors.at(asyncness, super::NOT_A_FUTURE);
    }
    if let Some(constness) = &sig.constness {
        errors.at(constness, super::NOT_CONST);
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, super::NOT_FOREIGN);
    }
    for option in &options.of_main {
        errors.at(
            option,
            "this option is for `fn main` only; `go!(name = \"..\", stack_size = \"..\", f(x))` has its own",
        );
    }
    for input in &sig.inputs {
        if let FnArg::Typed(parameter) = input
            && let Some(element) = directional(&parameter.ty)
            && matches!(element, Type::ImplTrait(_))
        {
            errors.at(element, "name this type: `fn f<T: Trait>(ch: Recv<T>)`");
        }
    }
}

// Input:
//     #[goroutine]
//     fn worker(id: u32, mut jobs: Recv<Job>) -> u32 { body }
// Output:
//     fn worker(id: u32, jobs: impl ::core::convert::Into<Recv<Job>>) -> u32 {
//         let mut jobs = ::core::convert::Into::into(jobs);
//         body, in a frame if there is a `defer!` in it
//     }
pub(crate) fn expand(mut function: Function, krate: &CratePath) -> TokenStream {
    let mut rebound = TokenStream::new();
    let sig = &mut function.sig;
    for (number, input) in sig.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(parameter) = input
            && directional(&parameter.ty).is_some()
        {
            lifetimes::name(&mut parameter.ty, &mut sig.generics);
            rebound.extend(convert(parameter, number));
        }
    }
    if let Body::Block { statements, .. } = &mut function.body {
        let body = quote!(#rebound #statements);
        *statements = frame::around(body, &function.sig.output, krate);
    }
    quote!(#function)
}

/// Lets `parameter` accept whatever converts to its type, and returns the statement that converts it. The type is written
/// once: the bound says what `into` gives, and what is wrong with the type is said once.
fn convert(parameter: &mut PatType, number: usize) -> TokenStream {
    let site = parameter.ty.span().resolved_at(Span::mixed_site());
    let ty = &parameter.ty;
    *parameter.ty = parse_quote_spanned!(site=> impl ::core::convert::Into<#ty>);
    if let Pat::Wild(_) = *parameter.pat {
        return TokenStream::new(); // nobody will see the value
    }
    let attrs = &parameter.attrs; // a `cfg` is for both
    let pattern = parameter.pat.clone();
    // The name of the parameter is shown in the documentation, so it stays if there is one.
    let name = match &*pattern {
        Pat::Ident(name) if name.subpat.is_none() => name.ident.clone(),
        _ => format_ident!("arg{}", number, span = site),
    };
    *parameter.pat = Pat::Ident(syn::PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident: name.clone(),
        subpat: None,
    });
    quote_spanned!(site=> #(#attrs)* let #pattern = ::core::convert::Into::into(#name);)
}

/// The element type of a type that is written `Recv<T>` or `Send<T>`, with or without a path in front.
fn directional(ty: &Type) -> Option<&Type> {
    let ty = match ty {
        Type::Group(group) => return directional(&group.elem),
        Type::Path(ty) if ty.qself.is_none() => ty,
        _ => return None,
    };
    let last = ty.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(element)
            if arguments.args.len() == 1 && (last.ident == "Recv" || last.ident == "Send") =>
        {
            Some(element)
        }
        _ => None,
    }
}
