//! The syntax of `go!`: options, a capture list, and what is to run.

use proc_macro2::{Delimiter, Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token};

use super::form::Form;
use crate::captures::{self, Capture};
use crate::errors::Errors;
use crate::options::{self, Setting, Value};

/// A parsed `go!`. What was wrong with it is in `errors`; the rest is what could be understood.
#[derive(Default)]
pub(crate) struct Go {
    /// Name and value, as they are written.
    pub(crate) options: Vec<(Ident, Expr)>,
    pub(crate) captures: Vec<Capture>,
    /// Where the form begins, if there is anything.
    pub(crate) start: Option<Span>,
    /// `None` after an error that left nothing to run.
    pub(crate) form: Option<Form>,
    pub(crate) errors: Errors,
}

impl Go {
    /// Parses the tokens of a `go!`. `written` finds out with which delimiter.
    pub(crate) fn parse(tokens: TokenStream, written: impl FnOnce() -> Option<Delimiter>) -> Self {
        let mut go = Go::default();
        let parsed = (|input: ParseStream<'_>| go.fill(input, written)).parse2(tokens);
        if let Err(error) = parsed {
            go.errors.push(error);
        }
        go
    }

    fn fill(
        &mut self,
        input: ParseStream<'_>,
        written: impl FnOnce() -> Option<Delimiter>,
    ) -> syn::Result<()> {
        let mut alone = true;
        while is_setting(input) {
            self.set(input.parse()?);
            alone = false; // the braces of the macro are round the option too: they make no block
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if captures::is_next(input) {
            self.captures = captures::parse(input, "go!", &mut self.errors)?;
            alone = false;
            if is_setting(input) {
                return Err(input.error("options come first: `go!(name = \"..\", [ch] ..)`"));
            }
        }
        self.start = (!input.is_empty()).then(|| input.span());
        let form = input.parse()?;
        let written = || if alone { written() } else { Some(Delimiter::None) };
        self.form = Form::parse(form, written, &mut self.errors);
        Ok(())
    }

    fn set(&mut self, Setting { name, value }: Setting) {
        let Value::Is(value) = value else { return }; // `is_setting` has seen the `=`
        if !is_option(&name) {
            let message =
                format_args!("unknown option `{name}`: the options of `go!` are `name` and `stack_size`");
            return self.errors.at(&name, message);
        }
        if name == "stack_size" {
            options::check_stack_size(&value, &mut self.errors);
        }
        if self.options.iter().any(|(other, _)| *other == name) {
            self.errors.at(&name, format_args!("`{name}` is given twice"));
        }
        self.options.push((name, *value));
    }
}

/// Whether an option is next: `name = value` and a comma. Without the comma it is an assignment, unless it ends the
/// input and has the name of an option: then the rest was forgotten.
fn is_setting(input: ParseStream<'_>) -> bool {
    let input = input.fork();
    let Ok(name) = input.call(Ident::parse_any) else { return false };
    if input.peek(Token![==]) || input.peek(Token![=>]) || input.parse::<Token![=]>().is_err() {
        return false;
    }
    match input.parse::<Expr>() {
        Ok(_) => input.peek(Token![,]) || is_option(&name) && input.is_empty(),
        Err(_) => is_option(&name),
    }
}

fn is_option(name: &Ident) -> bool {
    name == "name" || name == "stack_size"
}
