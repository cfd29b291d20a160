//! The syntax of `defer!`: a capture list, and what is to run.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Macro};

use crate::captures::{self, Capture};
use crate::errors::Errors;
use crate::go::form::{Call, has_semicolon, without_trailing_comma};

/// A parsed `defer!`. What was wrong with it is in `errors`; the rest is what could be understood.
#[derive(Default)]
pub(crate) struct Defer {
    pub(crate) captures: Vec<Capture>,
    /// `None` after an error that left nothing to run.
    pub(crate) form: Option<Form>,
    pub(crate) errors: Errors,
}

/// What is deferred.
pub(crate) enum Form {
    /// Evaluated now but for the call itself.
    Call(Call),
    /// `println!(..)` and its like, whose text is made now.
    Print(Macro),
    /// A closure without parameters, not parsed.
    Closure(TokenStream),
    /// Statements, not parsed either, so that an editor can complete in them.
    Block(TokenStream),
}

impl Defer {
    /// Parses the tokens of a `defer!`. `braces` finds out whether it is written with braces.
    pub(crate) fn parse(tokens: TokenStream, braces: &dyn Fn() -> bool) -> Self {
        let mut defer = Defer::default();
        let parsed = (|input: ParseStream<'_>| defer.fill(input, braces)).parse2(tokens);
        if let Err(error) = parsed {
            defer.errors.push(error);
        }
        defer
    }

    fn fill(&mut self, input: ParseStream<'_>, braces: &dyn Fn() -> bool) -> syn::Result<()> {
        let mut braces = braces;
        if captures::is_next(input) {
            self.captures = captures::parse(input, "defer!", &mut self.errors)?;
            braces = &|| false; // those of the macro are round the list too: they make no block
        }
        self.form = Form::parse(input.parse()?, braces, &mut self.errors);
        Ok(())
    }
}

impl Form {
    fn parse(tokens: TokenStream, braces: &dyn Fn() -> bool, errors: &mut Errors) -> Option<Self> {
        let tokens = without_trailing_comma(tokens);
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        match trees.as_slice() {
            [] if braces() => Some(Form::Block(tokens)),
            [] => {
                let message = "nothing to defer: write `defer!(f(x))` or `defer! { .. }`";
                errors.push(syn::Error::new(Span::call_site(), message));
                None
            }
            [TokenTree::Group(block)] if block.delimiter() == Delimiter::Brace => {
                Some(Form::Block(block.stream()))
            }
            [TokenTree::Punct(bar), second, _, ..] if bar.as_char() == '|' && is_bar(second) => {
                Some(Form::Closure(tokens))
            }
            [TokenTree::Ident(word), first, second, _, ..]
                if word == "move" && is_bar(first) && is_bar(second) =>
            {
                Some(Form::Closure(tokens))
            }
            _ if has_semicolon(&trees) => Some(Form::Block(tokens)),
            // A single name or number in braces is no more of a program than in parentheses: that is found below.
            [first, _, ..] if !is_async(first) && braces() => Some(Form::Block(tokens)),
            _ => match syn::parse2::<Expr>(tokens.clone()) {
                Ok(expr) => expression(expr, tokens, errors),
                Err(error) => {
                    errors.push(error);
                    None
                }
            },
        }
    }
}

fn is_bar(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '|')
}

fn is_async(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Ident(word) if word == "async")
}

/// What an expression other than a plain block or closure is good for.
fn expression(expr: Expr, tokens: TokenStream, errors: &mut Errors) -> Option<Form> {
    Some(match expr {
        // The invisible group round `$e` of a `macro_rules!`.
        Expr::Group(group) => return Form::parse(group.expr.to_token_stream(), &|| false, errors),
        Expr::Call(call) => Form::Call(call.into()),
        Expr::MethodCall(call) => Form::Call(call.into()),
        Expr::Macro(expr) if prints(&expr.mac) => Form::Print(expr.mac),
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
            return None;
        }
    })
}

/// Whether it prints a formatted text.
fn prints(mac: &Macro) -> bool {
    let known = ["print", "println", "eprint", "eprintln"];
    mac.path.get_ident().is_some_and(|name| known.iter().any(|known| name == known)) && !mac.tokens.is_empty()
}

/// Why `defer!` cannot run `expr`, and what to write instead.
fn explain(expr: &Expr) -> String {
    let text = expr.to_token_stream().to_string().replace(" . ", ".").replace(" :: ", "::");
    match expr {
        Expr::Path(_) => format!("`{text}` is a value, not a call: write `defer!({text}())` to call it"),
        Expr::Field(_) => format!(
            "`{text}` is not called: write `defer!({text}())`, or `defer!(({text})())` if it is a field that holds a \
             function"
        ),
        Expr::Lit(_) => format!("`{text}` is a value, not a call: there is nothing to defer"),
        Expr::Paren(_) => "what `defer!` runs must not be parenthesized: remove the parentheses".to_owned(),
        Expr::Try(_) => {
            "the result of a deferred call is discarded, so `?` has nowhere to return to: handle the error in a block, \
             `defer! { if let Err(err) = f(x) { .. } }`"
                .to_owned()
        }
        Expr::Async(_) | Expr::Await(_) => {
            "a deferred call is not a future: write a plain block and plain calls".to_owned()
        }
        Expr::Closure(closure) if closure.asyncness.is_some() => {
            "a deferred call is not a future: write a plain closure, `defer!(|| ..)`".to_owned()
        }
        Expr::Closure(closure) if !closure.inputs.is_empty() => {
            "nothing is passed to this closure: write `defer!(|| ..)`, or call it, `defer!((|x| ..)(value))`"
                .to_owned()
        }
        Expr::Assign(_) => {
            format!("an assignment is not a call: write it in a block, `defer! {{ {text}; }}`")
        }
        _ => "`defer!` runs a call, a closure or a block: write `defer!(f(x))`, `defer!(|| ..)` or `defer! { .. }`"
            .to_owned(),
    }
}
