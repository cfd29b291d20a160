//! The frame round the body of a function: where a panic ends that one of its `defer!`s has recovered.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::{GenericArgument, PathArguments, ReturnType, Type, parse_quote_spanned};

use crate::path::CratePath;

/// Macros that defer nothing.
const DEFER_NOTHING: [&str; 37] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "cfg",
    "column",
    "compile_error",
    "concat",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "env",
    "eprint",
    "eprintln",
    "file",
    "format",
    "format_args",
    "go",
    "goroutine_local",
    "include_bytes",
    "include_str",
    "line",
    "matches",
    "module_path",
    "option_env",
    "panic",
    "print",
    "println",
    "select",
    "stringify",
    "thread_local",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

// Input:
//     fn f(..) -> R { body }
// Output:
//     fn f(..) -> R {
//         let function = ::goconc::__private::Function::new(move || -> R { body });
//         let zero = function.result().zero();
//         function.run(zero)
//     }
//
// `move`, so that what the body returns may be borrowed from what an argument refers to. `zero` finds out by its type whether
// there is a zero value. With `returning` in a `defer!` it is `run_or_given`, which asks that the type borrows nothing.
/// `body`, in a frame if it may defer anything: if `defer` is among its tokens, or a macro of which nothing is known.
pub(crate) fn around(body: TokenStream, output: &ReturnType, krate: &CratePath) -> TokenStream {
    if !may_defer(&body) {
        return body;
    }
    let site = Span::mixed_site();
    let new = krate.private("Function");
    let run = match returns_from_defer(&body) {
        true => quote_spanned!(site=> run_or_given),
        false => quote_spanned!(site=> run),
    };
    let result = match output {
        ReturnType::Default => quote_spanned!(site=> ()),
        ReturnType::Type(_, ty) => {
            let ty = nameable((**ty).clone());
            quote_spanned!(site=> #ty)
        }
    };
    quote_spanned! {site=>
        let function = #new::new(move || -> #result { #body });
        let zero = function.result().zero();
        function.#run(zero)
    }
}

fn may_defer(tokens: &TokenStream) -> bool {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    trees.iter().enumerate().any(|(at, tree)| match tree {
        TokenTree::Ident(word) => word == "defer" || is_macro(&trees[at + 1..]) && !defers_nothing(word),
        TokenTree::Group(group) => may_defer(&group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether `returning` is in a `defer!`.
fn returns_from_defer(tokens: &TokenStream) -> bool {
    let mut is_defer = false; // the last word
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => {
            is_defer = word == "defer";
            false
        }
        TokenTree::Group(group) if is_defer => crate::defer::mentions(&group.stream(), "returning"),
        TokenTree::Group(group) => returns_from_defer(&group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether a name before `rest` is that of a macro: `!` follows, and a delimiter.
fn is_macro(rest: &[TokenTree]) -> bool {
    matches!(rest, [TokenTree::Punct(punct), TokenTree::Group(_), ..] if punct.as_char() == '!')
}

fn defers_nothing(name: &syn::Ident) -> bool {
    DEFER_NOTHING.iter().any(|known| name == known)
}

/// The type as a closure can name it: with `_` for each `impl Trait`.
fn nameable(ty: Type) -> Type {
    let hole = |ty: &Type| parse_quote_spanned!(syn::spanned::Spanned::span(ty)=> _);
    match ty {
        Type::ImplTrait(_) => hole(&ty),
        Type::Path(mut ty) => {
            for segment in &mut ty.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(inner) = argument {
                            *inner = nameable(inner.clone());
                        }
                    }
                }
            }
            Type::Path(ty)
        }
        Type::Tuple(mut ty) => {
            ty.elems.iter_mut().for_each(|inner| *inner = nameable(inner.clone()));
            Type::Tuple(ty)
        }
        Type::Reference(mut ty) => {
            *ty.elem = nameable((*ty.elem).clone());
            Type::Reference(ty)
        }
        Type::Array(mut ty) => {
            *ty.elem = nameable((*ty.elem).clone());
            Type::Array(ty)
        }
        Type::Paren(ty) => nameable(*ty.elem),
        Type::Group(ty) => nameable(*ty.elem),
        other => other,
    }
}
