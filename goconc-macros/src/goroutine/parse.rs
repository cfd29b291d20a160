//! The syntax of `#[goroutine]`: its options, and the function it stands on.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Brace;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Signature, Token, Visibility, braced};

use crate::errors::Errors;
use crate::options::{self, Setting, Value};
use crate::path::CratePath;

/// A function whose body is not parsed: so it keeps its spans, and an editor can complete in it while it is unfinished.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Body,
}

/// What comes after the signature.
pub(crate) enum Body {
    Block {
        brace: Brace,
        /// `#![..]`, which must stay in front.
        inner_attrs: Vec<Attribute>,
        statements: TokenStream,
    },
    /// A method that a trait declares and does not define.
    Missing(Token![;]),
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body = if input.peek(Token![;]) {
            Body::Missing(input.parse()?)
        } else {
            let block;
            let brace = braced!(block in input);
            Body::Block {
                brace,
                inner_attrs: block.call(Attribute::parse_inner)?,
                statements: block.parse()?,
            }
        };
        Ok(Function { attrs, vis, sig, body })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Function { attrs, vis, sig, body } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}

impl ToTokens for Body {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Body::Missing(semicolon) => semicolon.to_tokens(tokens),
            Body::Block { brace, inner_attrs, statements } => {
                brace.surround(tokens, |tokens| tokens.extend(quote!(#(#inner_attrs)* #statements)));
            }
        }
    }
}

/// The options as they are written. Whether the function may have them is another question.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) krate: CratePath,
    pub(crate) gomaxprocs: Option<Expr>,
    pub(crate) stack_size: Option<Expr>,
    pub(crate) sticky: Option<Ident>,
    pub(crate) migrate: Option<Ident>,
    /// Those of the above that are for `main` only.
    pub(crate) of_main: Vec<Ident>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Options::default();
        let parsed = (|input: ParseStream<'_>| {
            while !input.is_empty() {
                options.set(input.parse()?, errors);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        })
        .parse2(tokens);
        if let Err(error) = parsed {
            errors.push(error);
        }
        options
    }

    fn set(&mut self, Setting { name, value }: Setting, errors: &mut Errors) {
        match (name.to_string().as_str(), value) {
            ("gomaxprocs", Value::Is(value)) => {
                check_gomaxprocs(&value, errors);
                options::set(&mut self.gomaxprocs, &name, *value, errors);
            }
            ("stack_size", Value::Is(value)) => {
                options::check_stack_size(&value, errors);
                options::set(&mut self.stack_size, &name, *value, errors);
            }
            ("crate", Value::Is(value)) => match CratePath::from_value(&value) {
                Ok(path) => self.krate = path,
                Err(error) => errors.push(error),
            },
            ("sticky", Value::None) => options::set(&mut self.sticky, &name, name.clone(), errors),
            ("unsafe", Value::Word(word)) if word == "migrate" => {
                options::set(&mut self.migrate, &word, word.clone(), errors);
            }
            (text, _) => return errors.at(&name, misuse(text)),
        }
        if name != "crate" {
            self.of_main.push(name);
        }
    }
}

fn misuse(name: &str) -> String {
    match name {
        "gomaxprocs" => "`gomaxprocs` needs a number: `gomaxprocs = 4`".to_owned(),
        "stack_size" => "`stack_size` needs a size: `stack_size = \"256 KiB\"`".to_owned(),
        "crate" => "`crate` needs a path: `crate = \"my_goconc\"`".to_owned(),
        "sticky" => "`sticky` has no value: write `#[goroutine(sticky)]`".to_owned(),
        "migrate" => {
            "moving goroutines between threads is a promise about the whole program, that nothing in it \
                      relies on the identity of its thread: write `#[goroutine(unsafe(migrate))]` to make it"
                .to_owned()
        }
        "unsafe" => "only `migrate` is unsafe: write `#[goroutine(unsafe(migrate))]`".to_owned(),
        _ => format!(
            "unknown option `{name}`: the options of `#[goroutine]` are `gomaxprocs`, `stack_size`, `sticky`, \
             `unsafe(migrate)` and `crate`"
        ),
    }
}

/// A literal is checked here; what an expression gives is known at run time only.
fn check_gomaxprocs(value: &Expr, errors: &mut Errors) {
    let fits = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(n), .. }) => {
            matches!(n.suffix(), "" | "usize") && n.base10_parse::<usize>().is_ok_and(|n| n > 0)
        }
        Expr::Lit(_) => false,
        Expr::Unary(minus) => !matches!(minus.op, syn::UnOp::Neg(_)),
        _ => true,
    };
    if !fits {
        errors.at(value, "`gomaxprocs` is a number of at least 1; leave it out to use every processor");
    }
}
