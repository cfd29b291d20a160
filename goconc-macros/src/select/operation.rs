//! What an arm waits for: `v = <-ch`, `v := <-ch`, `v, ok := <-ch`, `<-ch` or `ch <- value`.
//!
//! The arrow is looked for in the tokens, because in Rust's grammar `out <- x` is the comparison `out < -x`. The first
//! `<-` of an arm is the arrow; those in guards and bodies come later.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Pat, Token};

pub(crate) enum Operation {
    Recv { from: Expr, into: Received },
    Send { to: Expr, value: Expr },
}

/// What becomes of a received value.
pub(crate) enum Received {
    /// `<-ch`
    Ignored,
    /// `v = <-ch`: an `Option`.
    Option(Pat),
    /// `v := <-ch`: the value, or that of `Default`.
    Value(Name),
    /// `v, ok := <-ch`: the value, or that of `Default`, and which of them it is.
    ValueOk(Name, Name),
}

/// `v`, `mut v` or `_`.
pub(crate) struct Name(TokenStream);

impl Operation {
    /// Parses up to the guard or the `=>`.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let start = input.span();
        let mut left = Vec::new();
        while !is_arrow(input, left.last()) {
            if input.is_empty() || input.peek(Token![=>]) {
                return Err(match left.as_slice() {
                    [] => syn::Error::new(
                        start,
                        "nothing to wait for: write `<-ch => ..` or `ch <- value => ..`",
                    ),
                    left => syn::Error::new_spanned(stream(left), without_arrow(left)),
                });
            }
            left.push(input.parse()?);
        }
        let arrow: Token![<-] = input.parse()?;
        if input.is_empty() || input.peek(Token![=>]) || input.peek(Token![,]) {
            return Err(syn::Error::new_spanned(arrow, without_operand(&left)));
        }
        Operation::around_arrow(&left, input.parse()?)
    }

    fn around_arrow(left: &[TokenTree], right: Expr) -> syn::Result<Self> {
        let into = match left {
            [] => Received::Ignored,
            [names @ .., colon, equals] if is(colon, ':') && is(equals, '=') => declared(names, left)?,
            [pattern @ .., equals] if is(equals, '=') => Received::Option(pattern_of(pattern, left)?),
            _ => return Ok(Operation::Send { to: channel(left)?, value: right }),
        };
        Ok(Operation::Recv { from: right, into })
    }
}

impl Name {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![_]) {
            return Ok(Name(input.parse::<Token![_]>()?.into_token_stream()));
        }
        let mutable: Option<Token![mut]> = input.parse()?;
        let mut name = mutable.into_token_stream();
        input.parse::<Ident>()?.to_tokens(&mut name);
        Ok(Name(name))
    }
}

impl ToTokens for Name {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// Whether `<-` is next, and not the end of `<<-1` or of `f::<-1>`.
fn is_arrow(input: ParseStream<'_>, before: Option<&TokenTree>) -> bool {
    let is_joint =
        |punct: &proc_macro2::Punct| punct.spacing() == Spacing::Joint && "<:".contains(punct.as_char());
    input.peek(Token![<-]) && !matches!(before, Some(TokenTree::Punct(punct)) if is_joint(punct))
}

/// The names in front of `:=`.
fn declared(names: &[TokenTree], left: &[TokenTree]) -> syn::Result<Received> {
    let parser = |input: ParseStream<'_>| {
        let value = Name::parse(input)?;
        if input.is_empty() {
            // Of a value without a name there is no zero value.
            return Ok(if value.0.to_string() == "_" { Received::Ignored } else { Received::Value(value) });
        }
        input.parse::<Token![,]>()?;
        Ok(Received::ValueOk(value, Name::parse(input)?))
    };
    parser.parse2(stream(names)).map_err(|_| match names {
        [first, ..] if first.to_string() == "case" => {
            syn::Error::new_spanned(first, "an arm begins without Go's `case`: remove it")
        }
        _ => syn::Error::new_spanned(
            stream(left),
            "`:=` has one or two names in front of it: write `v := <-ch` or `v, ok := <-ch`, or `PATTERN = <-ch` to \
             match the `Option`",
        ),
    })
}

/// The pattern in front of `=`.
fn pattern_of(pattern: &[TokenTree], left: &[TokenTree]) -> syn::Result<Pat> {
    let message = match Pat::parse_single.parse2(stream(pattern)) {
        Ok(found) if !is_refutable(&found) => return Ok(found),
        Ok(_) => {
            "a closed channel gives `None`, so this does not always match: write `v = <-ch` and look at `v`, or \
             `v, ok := <-ch`"
        }
        Err(_) if pattern.iter().any(|tree| is(tree, ',')) => {
            "two values are declared with `:=`: write `v, ok := <-ch`, or `v = <-ch` for an `Option`"
        }
        Err(_) => {
            "expected a name in front of `=`: write `v = <-ch` for an `Option`, or `v := <-ch` for the value"
        }
    };
    Err(syn::Error::new_spanned(stream(left), message))
}

/// Whether `pattern` surely leaves out an `Option`: the compiler finds the others, but has no advice.
fn is_refutable(pattern: &Pat) -> bool {
    match pattern {
        Pat::TupleStruct(some) => some.path.segments.last().is_some_and(|name| name.ident == "Some"),
        Pat::Ident(none) => none.ident == "None",
        _ => false,
    }
}

/// The channel in front of the arrow of a send.
fn channel(left: &[TokenTree]) -> syn::Result<Expr> {
    let is_wrong_arrow = |pair: &[TokenTree]| is(&pair[0], '-') && is(&pair[1], '>');
    let message = match syn::parse2::<Expr>(stream(left)) {
        Ok(Expr::Assign(_)) => WRONG_SIDE,
        Ok(channel) => return Ok(channel),
        // That arm has no arrow: we are at the one of the next.
        Err(_) if let Some(arrow) = left.windows(2).find(|pair| is_wrong_arrow(pair)) => {
            return Err(syn::Error::new_spanned(stream(arrow), WRONG_ARROW));
        }
        Err(_) if left.windows(2).any(|pair| is(&pair[0], ':') && is(&pair[1], '=')) => WRONG_SIDE,
        Err(_) => "expected a channel in front of `<-`: write `ch <- value` to send, `v = <-ch` to receive",
    };
    Err(syn::Error::new_spanned(stream(left), message))
}

const WRONG_ARROW: &str = "the arrow is `<-`: write `v = <-ch` to receive, `ch <- value` to send";
const WRONG_SIDE: &str = "a receive has its arrow in front of the channel: write `v = <-ch`";

/// What is said about `left <- =>`.
fn without_operand(left: &[TokenTree]) -> &'static str {
    match left {
        [] => "which channel? Write `<-ch => ..`",
        [.., equals] if is(equals, '=') => "which channel? Write `v = <-ch => ..`",
        left if left.iter().any(|tree| is(tree, '=')) => WRONG_SIDE,
        _ => "`<-` has the channel on its right to receive, `<-ch`, and on its left to send, `ch <- value`",
    }
}

/// What is said about an arm whose operation is `left`, without any `<-`.
fn without_arrow(left: &[TokenTree]) -> String {
    let left = left.split(|tree| is(tree, ',')).next().unwrap_or_default(); // not the guard
    let pair = |first, second| left.windows(2).any(|pair| is(&pair[0], first) && is(&pair[1], second));
    match left {
        [first] if ["_", "else"].contains(&first.to_string().as_str()) => {
            format!("`{first}` is no operation: write `default => ..` for when no other arm is ready")
        }
        _ if pair('-', '>') => WRONG_ARROW.to_owned(),
        _ if pair('<', '-') => "the arrow has no space in it: write `<-`".to_owned(),
        [name, equals, channel @ ..] if is(equals, '=') && !channel.is_empty() => {
            format!("the arrow is missing: write `{name} = <-{}`", text(channel))
        }
        [name, colon, equals, channel @ ..] if is(colon, ':') && is(equals, '=') && !channel.is_empty() => {
            format!("the arrow is missing: write `{name} := <-{}`", text(channel))
        }
        _ => {
            let text = text(left);
            format!("the arrow is missing: write `<-{text}` to receive, `{text} <- value` to send")
        }
    }
}

fn is(tree: &TokenTree, punct: char) -> bool {
    matches!(tree, TokenTree::Punct(found) if found.as_char() == punct)
}

fn stream(trees: &[TokenTree]) -> TokenStream {
    trees.iter().cloned().collect()
}

fn text(trees: &[TokenTree]) -> String {
    stream(trees).to_string().replace(" . ", ".").replace(" :: ", "::").replace(" ()", "()")
}
