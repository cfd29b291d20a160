//! The syntax of `select!`: `biased;`, then arms.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::token::Brace;
use syn::{Attribute, Expr, Token};

use super::operation::Operation;
use crate::errors::Errors;

const MISSING_COMMA: &str = "a comma is missing in front of this arm: an arm ends with a comma or a block";

/// A parsed `select!`. What was wrong with it is in `errors`; the rest is what could be understood.
#[derive(Default)]
pub(crate) struct Select {
    pub(crate) biased: bool,
    pub(crate) cases: Vec<Case>,
    pub(crate) default: Option<Default>,
    pub(crate) errors: Errors,
}

/// An arm that communicates.
pub(crate) struct Case {
    pub(crate) attrs: Attributes,
    pub(crate) operation: Operation,
    pub(crate) guard: Option<Expr>,
    pub(crate) body: TokenStream,
}

/// The arm for when no other is ready.
pub(crate) struct Default {
    pub(crate) attrs: Attributes,
    pub(crate) body: TokenStream,
}

/// The attributes of an arm.
pub(crate) struct Attributes {
    /// Each `#[cfg(..)]`: whether the arm exists.
    pub(crate) cfgs: Vec<Attribute>,
    /// `#[allow(..)]` and others that say something about its code.
    pub(crate) others: Vec<Attribute>,
}

/// What stands before the `=>` of an arm.
enum Head {
    Operation(Box<Operation>, Option<Expr>),
    Default(Ident),
    /// It was reported.
    Wrong,
}

impl Select {
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        let mut select = Select::default();
        let parsed = (|input: ParseStream<'_>| {
            select.order(input)?;
            while !input.is_empty() {
                select.arm(input)?;
            }
            Ok(())
        })
        .parse2(tokens);
        if let Err(error) = parsed {
            select.errors.push(error);
        }
        select
    }

    /// `biased;`, if it is there.
    fn order(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let is_word = input.peek(syn::Ident) && input.peek2(Token![;]);
        if !is_word && !is_biased_with_comma(input) {
            return Ok(());
        }
        let word: Ident = input.parse()?;
        let end: TokenTree = input.parse()?;
        if word != "biased" {
            let message = format_args!("unknown option `{word}`: the only one is `biased;`");
            self.errors.at(&word, message);
        } else if end.to_string() != ";" {
            self.errors.at(end, "a semicolon goes after `biased`: `select! { biased; <-ch => .. }`");
        }
        self.biased = true;
        Ok(())
    }

    /// One arm, with its comma. What is wrong with it is recorded, and parsing goes on with the next arm, if it can.
    fn arm(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let attrs = self.attributes(input)?;
        let head = self.head(input).unwrap_or_else(|error| {
            self.errors.push(error);
            Head::Wrong
        });
        if !input.peek(Token![=>]) {
            if !matches!(head, Head::Wrong) {
                self.errors.push(input.error("expected `=>` and what to do then: `<-ch => ..`"));
            }
            skip_to(input, |input| input.peek(Token![=>]) || input.peek(Token![,]) && !is_guard(input))?;
        }
        if !input.peek(Token![=>]) {
            return input.parse::<Option<Token![,]>>().map(drop); // it has no body: the comma ends it
        }
        input.parse::<Token![=>]>()?;
        match self.body(input) {
            Ok(body) => self.add(attrs, head, body),
            Err(error) => {
                self.errors.push(error);
                skip_to(input, |input| input.peek(Token![,]))?;
                input.parse::<Option<Token![,]>>()?;
            }
        }
        Ok(())
    }

    fn add(&mut self, attrs: Attributes, head: Head, body: TokenStream) {
        match head {
            Head::Operation(operation, guard) => {
                self.cases.push(Case { attrs, operation: *operation, guard, body });
            }
            Head::Default(word) if self.default.is_some() => {
                self.errors.at(word, "a `select!` has one `default` at most: remove this one");
            }
            Head::Default(_) => self.default = Some(Default { attrs, body }),
            Head::Wrong => {}
        }
    }

    fn attributes(&mut self, input: ParseStream<'_>) -> syn::Result<Attributes> {
        let attrs = input.call(Attribute::parse_outer)?;
        let (cfgs, others): (Vec<_>, _) = attrs.into_iter().partition(|attr| attr.path().is_ident("cfg"));
        for attr in others.iter().filter(|attr| is_conditional_cfg(attr)) {
            self.errors
                .at(attr, "the `cfg` of an arm stands alone: write `#[cfg(all(..))]` instead of `cfg_attr`");
        }
        Ok(Attributes { cfgs, others })
    }

    fn head(&mut self, input: ParseStream<'_>) -> syn::Result<Head> {
        if !is_default(input) {
            let operation = Operation::parse(input)?;
            let guard = self.guard(input)?;
            return Ok(Head::Operation(Box::new(operation), guard));
        }
        let word = input.parse()?;
        if let Some(guard) = self.guard(input)? {
            self.errors.at(
                guard,
                "`default` has no guard: put the condition into its body, `default => if condition { .. }`",
            );
        }
        Ok(Head::Default(word))
    }

    /// `, if condition`, if it is there.
    fn guard(&mut self, input: ParseStream<'_>) -> syn::Result<Option<Expr>> {
        if input.peek(Token![if]) {
            self.errors.push(input.error("a comma goes before a guard: `<-ch, if condition => ..`"));
        } else if is_guard(input) {
            input.parse::<Token![,]>()?;
        } else {
            return Ok(None);
        }
        input.parse::<Token![if]>()?;
        let guard = input.parse()?;
        if let Expr::Let(_) = guard {
            self.errors
                .at(&guard, "a guard is a `bool` and binds nothing: write `if matches!(value, PATTERN)`");
        }
        Ok(Some(guard))
    }

    /// What an arm does, and the comma after it. A block is not parsed, so that an editor can complete in it.
    fn body(&mut self, input: ParseStream<'_>) -> syn::Result<TokenStream> {
        if input.peek(Brace) && !input.peek2(Token![.]) && !input.peek2(Token![?]) {
            let block: TokenTree = input.parse()?;
            input.parse::<Option<Token![,]>>()?;
            return Ok(block.into_token_stream());
        }
        if input.is_empty() || input.peek(Token![,]) {
            return Err(input.error("an arm needs a body: write `=> {}` to do nothing"));
        }
        let start = input.fork();
        let body = input
            .call(Expr::parse_with_earlier_boundary_rule)
            .map_err(|error| next_arm(&start).unwrap_or(error))?;
        let comma: Option<Token![,]> = input.parse()?;
        if comma.is_none() && !input.is_empty() && !is_block(&body) {
            self.errors.push(input.error(MISSING_COMMA));
        }
        Ok(body.into_token_stream())
    }
}

/// `biased,` instead of `biased;`.
fn is_biased_with_comma(input: ParseStream<'_>) -> bool {
    let input = input.fork();
    input.parse::<Ident>().is_ok_and(|word| word == "biased")
        && input.peek(Token![,])
        && !is_two_values(&input)
}

/// Whether `, name :=` is next.
fn is_two_values(input: ParseStream<'_>) -> bool {
    let input = input.fork();
    input.parse::<Token![,]>().is_ok()
        && input.parse::<TokenTree>().is_ok()
        && input.peek(Token![:])
        && input.peek2(Token![=])
}

/// Whether this arm is `default`, and not a channel of this name.
fn is_default(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.parse::<Ident>().is_ok_and(|word| word == "default")
        && (ahead.is_empty() || ahead.peek(Token![=>]) || ahead.peek(Token![,]) && !is_two_values(&ahead))
}

fn is_guard(input: ParseStream<'_>) -> bool {
    input.peek(Token![,]) && input.peek2(Token![if])
}

/// Whether a `cfg_attr` holds a `cfg`.
fn is_conditional_cfg(attr: &Attribute) -> bool {
    let is_cfg = |tree: TokenTree| matches!(tree, TokenTree::Ident(word) if word == "cfg");
    attr.path().is_ident("cfg_attr")
        && attr.meta.require_list().is_ok_and(|list| list.tokens.clone().into_iter().any(is_cfg))
}

/// Whether the end of `body` can be seen without a comma.
fn is_block(body: &Expr) -> bool {
    match body {
        Expr::Group(group) => is_block(&group.expr),
        Expr::Block(_)
        | Expr::Unsafe(_)
        | Expr::Const(_)
        | Expr::If(_)
        | Expr::Match(_)
        | Expr::ForLoop(_)
        | Expr::While(_)
        | Expr::Loop(_) => true,
        _ => false,
    }
}

/// Finds the arrow of the next arm in a body: `f() <-b` was read as the comparison `f() < -b`.
fn next_arm(body: ParseStream<'_>) -> Option<syn::Error> {
    skip_to(body, |body| body.peek(Token![<-]) || body.peek(Token![,])).ok()?;
    let arrow: Token![<-] = body.parse().ok()?;
    skip_to(body, |body| body.peek(Token![=>]) || body.peek(Token![,])).ok()?;
    body.peek(Token![=>]).then(|| syn::Error::new_spanned(arrow, MISSING_COMMA))
}

/// Skips tokens, none of which can be understood.
fn skip_to(input: ParseStream<'_>, end: impl Fn(ParseStream<'_>) -> bool) -> syn::Result<()> {
    while !input.is_empty() && !end(input) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
