//! What a `go!` is to run: a call, a closure or a block.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::token::Paren;
use syn::{AngleBracketedGenericArguments, BinOp, Expr, ExprCall, ExprMethodCall, Token};

use crate::errors::Errors;

const NOT_TWO: &str = "`go!` starts one goroutine: write a `go!` for each call, or `go! { a(); b() }` to run one after the \
                       other";

pub(crate) enum Form {
    /// Evaluated now but for the call itself.
    Call(Call),
    /// A closure: everything after `move`, that is `|| ..`. Its body is not parsed, so that an editor can complete in it; but see
    /// [`Nap`](super::nap::Nap).
    Closure(TokenStream),
    /// Statements, as the body of a closure.
    Block(TokenStream),
    /// `server.handle` without `(..)`, which is reported. While it is being typed an editor completes by its type.
    Unfinished(Expr),
}

/// `callee(args)` or `receiver.method(args)`.
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) paren: Paren,
    pub(crate) args: Vec<Expr>,
}

pub(crate) enum Target {
    Callee(Expr),
    Method {
        receiver: Expr,
        dot: Token![.],
        method: Ident,
        turbofish: Option<AngleBracketedGenericArguments>,
    },
}

impl From<ExprCall> for Call {
    fn from(call: ExprCall) -> Self {
        Call {
            target: Target::Callee(*call.func),
            paren: call.paren_token,
            args: call.args.into_iter().collect(),
        }
    }
}

impl From<ExprMethodCall> for Call {
    fn from(call: ExprMethodCall) -> Self {
        Call {
            target: Target::Method {
                receiver: *call.receiver,
                dot: call.dot_token,
                method: call.method,
                turbofish: call.turbofish,
            },
            paren: call.paren_token,
            args: call.args.into_iter().collect(),
        }
    }
}

impl Form {
    /// `written` finds the delimiter of the macro, if that is known: braces are those of a block.
    pub(crate) fn parse(
        tokens: TokenStream,
        written: impl FnOnce() -> Option<Delimiter>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let tokens = without_trailing_comma(tokens);
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        match trees.as_slice() {
            [] => {
                let message = "nothing to run: write `go!(f(x))`, `go!(|| ..)` or `go! { .. }`";
                errors.push(syn::Error::new(Span::call_site(), message));
                None
            }
            [TokenTree::Group(block)] if block.delimiter() == Delimiter::Brace => {
                Some(Form::Block(block.stream()))
            }
            [TokenTree::Punct(bar), ..] if bar.as_char() == '|' => closure(&trees, errors),
            [TokenTree::Ident(word), rest @ ..] if word == "move" => closure(rest, errors),
            _ if has_semicolon(&trees) => Some(Form::Block(tokens)),
            _ => alone(tokens, &trees, written(), errors),
        }
    }
}

/// One expression, or what is none.
fn alone(
    tokens: TokenStream,
    trees: &[TokenTree],
    written: Option<Delimiter>,
    errors: &mut Errors,
) -> Option<Form> {
    // A single name or number in braces is no more of a program than in parentheses: that is found below.
    if written == Some(Delimiter::Brace) && trees.len() > 1 && !is_async(trees) {
        return Some(Form::Block(tokens));
    }
    match syn::parse2::<Expr>(tokens.clone()) {
        Ok(expr) => expression(expr, tokens, errors),
        // Perhaps a block that somebody is writing, and an editor that wants to complete in it.
        Err(_) if written.is_none() => Some(Form::Block(tokens)),
        Err(error) => {
            match trees.iter().find(|tree| is_comma(tree)) {
                Some(comma) => errors.at(comma, NOT_TWO),
                None => errors.push(error),
            }
            None
        }
    }
}

/// `rustfmt` adds a comma when it breaks the line.
pub(crate) fn without_trailing_comma(tokens: TokenStream) -> TokenStream {
    let mut trees: Vec<TokenTree> = tokens.into_iter().collect();
    if trees.len() > 1 && trees.last().is_some_and(is_comma) {
        trees.pop();
    }
    trees.into_iter().collect()
}

pub(crate) fn has_semicolon(trees: &[TokenTree]) -> bool {
    trees.iter().any(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ';'))
}

fn is_comma(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',')
}

fn is_async(trees: &[TokenTree]) -> bool {
    matches!(trees.first(), Some(TokenTree::Ident(word)) if word == "async")
}

/// A closure without parameters, from its first bar on.
fn closure(trees: &[TokenTree], errors: &mut Errors) -> Option<Form> {
    let is_bar = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '|');
    match trees {
        [first, second, _, ..] if is_bar(first) && is_bar(second) => {
            Some(Form::Closure(trees.iter().cloned().collect()))
        }
        [first, parameter, ..] if is_bar(first) && !is_bar(parameter) => {
            errors.at(
                parameter,
                "nothing is passed to this closure: write `go!(|| ..)`, or call it, `go!((|x| ..)(value))`",
            );
            None
        }
        _ => {
            let tokens: TokenStream = trees.iter().cloned().collect();
            errors.at(tokens, "expected a closure with a body: `go!(|| f(x))`");
            None
        }
    }
}

/// What an expression other than a plain block or closure is good for.
fn expression(expr: Expr, tokens: TokenStream, errors: &mut Errors) -> Option<Form> {
    Some(match expr {
        // The invisible group round `$e` of a `macro_rules!`.
        Expr::Group(group) => {
            return Form::parse(group.expr.to_token_stream(), || Some(Delimiter::None), errors);
        }
        Expr::Call(call) => Form::Call(call.into()),
        Expr::MethodCall(call) => Form::Call(call.into()),
        // Nothing in these is a call whose arguments could be evaluated first, and none of them is a mistake.
        Expr::Block(_)
        | Expr::Unsafe(_)
        | Expr::Const(_)
        | Expr::ForLoop(_)
        | Expr::While(_)
        | Expr::Loop(_)
        | Expr::If(_)
        | Expr::Match(_)
        | Expr::Macro(_)
        | Expr::Verbatim(_) => Form::Block(tokens),
        mistake => {
            errors.at(&mistake, explain(&mistake));
            match mistake {
                Expr::Path(_) | Expr::Field(_) => Form::Unfinished(mistake),
                _ => return None,
            }
        }
    })
}

/// Why `go!` cannot run `expr`, and what to write instead.
fn explain(expr: &Expr) -> String {
    let text = expr.to_token_stream().to_string().replace(" . ", ".").replace(" :: ", "::");
    match expr {
        Expr::Path(_) => format!("`{text}` is a value, not a call: write `go!({text}())` to call it"),
        Expr::Field(_) => format!(
            "`{text}` is not called: write `go!({text}())`, or `go!(({text})())` if it is a field that holds a function"
        ),
        Expr::Lit(_) => format!("`{text}` is a value, not a call: there is nothing to run"),
        Expr::Paren(_) => "what `go!` runs must not be parenthesized: remove the parentheses".to_owned(),
        Expr::Try(_) => {
            "the result of a goroutine is discarded, so `?` has nowhere to return to: handle the error in \
                         a block, `go! { if let Err(err) = f(x) { .. } }`"
                .to_owned()
        }
        Expr::Async(_) | Expr::Await(_) => {
            "a goroutine is not a future: write a plain block and plain calls, they \
                                            park the goroutine and not the thread"
                .to_owned()
        }
        Expr::Closure(closure) if closure.asyncness.is_some() => {
            "a goroutine is not a future: write a plain closure, `go!(|| ..)`".to_owned()
        }
        Expr::Assign(_) => assignment(&text),
        Expr::Binary(binary) if is_assignment(&binary.op) => assignment(&text),
        _ => "`go!` runs a call, a closure or a block: write `go!(f(x))`, `go!(|| ..)` or `go! { .. }`"
            .to_owned(),
    }
}

fn assignment(text: &str) -> String {
    format!("an assignment is not a call: write it in a block, `go! {{ {text}; }}`")
}

/// Whether it is `+=` or the like.
pub(super) fn is_assignment(op: &BinOp) -> bool {
    use BinOp::*;
    matches!(
        op,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitXorAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}
