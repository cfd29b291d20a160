//! From a parsed `defer!` to the statements that defer the call.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::parse::{Defer, Form};
use crate::captures::{self, Capture};
use crate::go::expand::{Operands, discard};
use crate::go::form::{Call, Target};
use crate::go::operand::{self, Operand};
use crate::path::CratePath;

// Input:
//     defer! { stmts }
// Output:
//     let _deferred = ::goconc::__private::Deferred::block(|| { let _ = (|| { stmts })(); });
//
// Statements and no block round them: the destructor of `_deferred` runs at the end of the user's block. Two closures,
// because `return` in `stmts` may give a value of any type.
//
// Input:
//     defer!([a] FORM)
// Output:
//     let _deferred = ::goconc::__private::Deferred::block({ let a = .. a clone ..; move || FORM });
pub(crate) fn expand(defer: Defer, krate: &CratePath) -> TokenStream {
    let site = Span::mixed_site();
    if let Some(errors) = defer.errors.into_tokens() {
        return errors;
    }
    let Some(form) = &defer.form else { return TokenStream::new() };
    let Deferred { before, kind, body } = deferred(form, &defer.captures, krate);
    let new = krate.private("Deferred");
    let kind = syn::Ident::new(kind, site);
    let (imported, recover) = bare_recover(&body)
        .map(|name| {
            let recover = krate.private("recover");
            let imported = quote_spanned!(site=> #[allow(unused_imports)] use #name as _;);
            (imported, quote_spanned!(site=> #[allow(unused_imports)] use #recover;))
        })
        .unzip();
    if defer.captures.is_empty() {
        return quote_spanned!(site=> #imported #before let _deferred = #new::#kind(|| { #recover #body }););
    }
    let clones = defer.captures.iter().map(|capture| captures::expand(capture, krate));
    quote_spanned! {site=>
        #imported
        let _deferred = #new::#kind({ #(#clones)* #before move || { #recover #body } });
    }
}

/// The parts of an expansion.
struct Deferred {
    /// What is evaluated now.
    before: TokenStream,
    /// The constructor.
    kind: &'static str,
    /// What runs later.
    body: TokenStream,
}

fn deferred(form: &Form, captures: &[Capture], krate: &CratePath) -> Deferred {
    let site = Span::mixed_site();
    let later = |closure: TokenStream| Deferred {
        before: TokenStream::new(),
        kind: "block",
        body: discard(&closure),
    };
    match form {
        Form::Block(block) => later(quote_spanned!(site=> (|| { #block })())),
        Form::Closure(closure) => later(quote_spanned!(site=> (#closure)())),
        Form::Print(mac) => {
            let (path, tokens) = (&mac.path, &mac.tokens);
            Deferred {
                before: quote_spanned!(site=> let text = ::std::format!(#tokens);),
                kind: "call",
                body: quote_spanned!(site=> #path!("{}", text);),
            }
        }
        Form::Call(call) => deferred_call(call, captures, krate),
    }
}

// Input:
//     defer!(f(a, &b, "x"))
// Output:
//     #[allow(unused_mut)]
//     let (mut arg0, mut arg1,) = (a, &b,);
//     let _deferred = ::goconc::__private::Deferred::call(|| { let _ = f(arg0, arg1, "x"); });
//
// The closure takes by value what the call takes by value, and borrows the rest: so a receiver stays usable.
fn deferred_call(call: &Call, captures: &[Capture], krate: &CratePath) -> Deferred {
    let site = Span::mixed_site();
    let target = match &call.target {
        Target::Callee(callee) => target(callee, "callee", krate),
        Target::Method { receiver, .. } => target(receiver, "receiver", krate),
    };
    let args = call.args.iter().enumerate().map(|(number, arg)| argument(arg, number, captures)).collect();
    let operands = Operands { target, args };
    let (names, values): (Vec<_>, Vec<_>) = operands.evaluated().unzip();
    let before = (!names.is_empty())
        .then(|| quote_spanned!(site=> #[allow(unused_mut)] let (#(mut #names,)*) = (#(#values,)*);));
    Deferred {
        before: before.unwrap_or_default(),
        kind: if is_recover(call) { "recover" } else { "call" },
        body: discard(&operands.invocation(call)),
    }
}

/// An argument is evaluated now, unless it is a literal, a closure, or refers to a static or to a clone of the capture
/// list, which moves.
fn argument(expr: &Expr, number: usize, captures: &[Capture]) -> Operand {
    match operand::plain(expr) {
        Expr::Lit(_) | Expr::Closure(_) => Operand::Inline(expr.to_token_stream()),
        Expr::Reference(reference)
            if reference.mutability.is_none() && operand::is_static(&reference.expr)
                || is_capture(&reference.expr, captures) =>
        {
            Operand::Inline(expr.to_token_stream())
        }
        _ => {
            Operand::Now { name: operand::name(&format!("arg{number}"), expr), value: expr.to_token_stream() }
        }
    }
}

fn is_capture(expr: &Expr, captures: &[Capture]) -> bool {
    let Expr::Path(path) = operand::plain(expr) else { return false };
    path.path.get_ident().is_some_and(|name| captures.iter().any(|capture| capture.name == *name))
}

/// A callee or receiver that is a variable, or a place in one, is what the closure captures: it borrows or moves it as the
/// call needs it, and the compiler sees to it that it stays as it is. The result of a call is evaluated now, and so is an
/// element, whose index may change.
fn target(expr: &Expr, name: &str, krate: &CratePath) -> Operand {
    match operand::plain(expr) {
        Expr::Lit(_) => Operand::Inline(expr.to_token_stream()),
        Expr::Closure(closure) => Operand::Inline(quote!((#closure))),
        inner if is_place(inner) => Operand::Inline(expr.to_token_stream()),
        inner => Operand::Now { name: operand::name(name, expr), value: operand::place(inner, krate) },
    }
}

/// Whether `expr` is a variable, or a field of one, or what such a reference points to.
fn is_place(expr: &Expr) -> bool {
    match operand::plain(expr) {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_place(&unary.expr),
        Expr::Index(index) => is_place(&index.expr) && matches!(operand::plain(&index.index), Expr::Lit(_)),
        _ => false,
    }
}

/// Whether it is `recover()` itself that is deferred, by whatever path.
fn is_recover(call: &Call) -> bool {
    let Target::Callee(callee) = &call.target else { return false };
    let Expr::Path(path) = operand::plain(callee) else { return false };
    call.args.is_empty() && path.path.segments.last().is_some_and(|last| last.ident == "recover")
}

/// The name `recover` without a path, if it is among the tokens. It means something else inside than outside; the import that
/// it stands for outside, `use goconc::recover`, counts as used all the same.
fn bare_recover(tokens: &TokenStream) -> Option<syn::Ident> {
    let mut after_path = false;
    for tree in tokens.clone() {
        let found = match &tree {
            TokenTree::Ident(word) if word == "recover" && !after_path => Some(word.clone()),
            TokenTree::Group(group) => bare_recover(&group.stream()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        after_path = matches!(&tree, TokenTree::Punct(punct) if matches!(punct.as_char(), ':' | '.'));
    }
    None
}

/// Whether `word` is among the tokens.
pub(crate) fn mentions(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(&group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
