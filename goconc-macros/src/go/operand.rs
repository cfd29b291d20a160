//! Where the parts of a call are evaluated: the callee, the receiver and the arguments.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Token, UnOp};

use crate::path::CratePath;

/// One part of a call.
pub(crate) enum Operand {
    /// Evaluated in the caller, before the goroutine exists, and known there and in the goroutine as `name`.
    Now { name: Ident, value: TokenStream },
    /// Evaluating it has no effect and always gives the same value, so it stays where it is: inside the call.
    Inline(TokenStream),
    /// A closure literal. It stays inside too, because only there does the compiler know the types of its parameters;
    /// what it captures is captured now.
    Closure(TokenStream),
}

impl Operand {
    /// An argument.
    pub(crate) fn argument(expr: &Expr, number: usize) -> Self {
        match plain(expr) {
            Expr::Lit(_) => Operand::Inline(expr.to_token_stream()),
            Expr::Closure(closure) => Operand::Closure(moving(closure)),
            // What refers to a static needs no clone: it lives long enough as it is.
            Expr::Reference(reference) if reference.mutability.is_none() && is_static(&reference.expr) => {
                Operand::Inline(expr.to_token_stream())
            }
            _ => Operand::Now { name: name(&format!("arg{number}"), expr), value: expr.to_token_stream() },
        }
    }

    /// The receiver of a method.
    pub(crate) fn receiver(expr: &Expr, krate: &CratePath) -> Self {
        // A method call borrows a static; a `let` would move out of it.
        if is_static(expr) {
            return Operand::Inline(expr.to_token_stream());
        }
        match plain(expr) {
            Expr::Lit(_) => Operand::Inline(expr.to_token_stream()),
            inner => Operand::Now { name: name("receiver", expr), value: place(inner, krate) },
        }
    }

    /// The function that is called. A plain path stays in the call: if it names a local, the goroutine captures it.
    pub(crate) fn callee(expr: &Expr, krate: &CratePath) -> Self {
        match (expr, plain(expr)) {
            (_, Expr::Path(_)) => Operand::Inline(expr.to_token_stream()),
            (_, Expr::Closure(closure)) => {
                let closure = moving(closure);
                Operand::Closure(quote!((#closure)))
            }
            (_, inner) => Operand::Now { name: name("callee", expr), value: place(inner, krate) },
        }
    }
}

/// How the call names the operand.
impl ToTokens for Operand {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Operand::Now { name, .. } => name.to_tokens(tokens),
            Operand::Inline(inside) | Operand::Closure(inside) => inside.to_tokens(tokens),
        }
    }
}

/// A name no user can write or see, at the place of `expr` for the sake of error messages.
pub(crate) fn name(text: &str, expr: &Expr) -> Ident {
    format_ident!("{}", text, span = expr.span().resolved_at(Span::mixed_site()))
}

/// `expr` without parentheses and without the invisible groups of `macro_rules!`.
pub(crate) fn plain(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) if paren.attrs.is_empty() => plain(&paren.expr),
        Expr::Group(group) if group.attrs.is_empty() => plain(&group.expr),
        _ => expr,
    }
}

/// A field or an element is borrowed, as a call would: moving out of it is rarely possible and never meant.
pub(crate) fn place(expr: &Expr, krate: &CratePath) -> TokenStream {
    match expr {
        Expr::Field(_) | Expr::Index(_) | Expr::Unary(syn::ExprUnary { op: UnOp::Deref(_), .. }) => {
            let place = krate.private("arg");
            quote_spanned!(expr.span().resolved_at(Span::mixed_site())=> #place::Place::new(&#expr).read())
        }
        _ => expr.to_token_stream(),
    }
}

/// A goroutine outlives its caller, so whatever a closure names moves.
fn moving(closure: &syn::ExprClosure) -> TokenStream {
    let mut closure = closure.clone();
    closure.capture.get_or_insert_with(|| Token![move](Span::mixed_site()));
    closure.to_token_stream()
}

/// Whether `expr` is a static or a constant, or a field of one. A macro can go by the name only: a path of several
/// segments is no local variable, and one in capitals is none by convention. If it is one after all, the goroutine
/// captures it, which differs only in what a later argument does to it.
pub(crate) fn is_static(expr: &Expr) -> bool {
    match plain(expr) {
        Expr::Path(path) => match path.path.get_ident() {
            Some(name) => is_upper_case(&name.to_string()),
            None => true,
        },
        Expr::Field(field) => is_static(&field.base),
        _ => false,
    }
}

fn is_upper_case(name: &str) -> bool {
    name.contains(|c: char| c.is_uppercase()) && !name.contains(|c: char| c.is_lowercase())
}
