//! The syntax of `go!`: options, a capture list, and what is to run.

use proc_macro2::{Delimiter, Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token};

use super::form::Form;
use crate::captures::{self, Capture};
use crate::errors::Errors;
use crate::options::{self, Setting, Value};
use crate::path::CratePath;

/// A parsed `go!`. What was wrong with it is in `errors`; the rest is what could be understood.
#[derive(Default)]
pub(crate) struct Go {
    pub(crate) krate: CratePath,
    pub(crate) name: Option<Expr>,
    pub(crate) stack_size: Option<Expr>,
    pub(crate) captures: Vec<Capture>,
    /// `None` after an error that left nothing to run.
    pub(crate) form: Option<Form>,
    pub(crate) errors: Errors,
}

impl Go {
    /// Parses the tokens of a `go!` that was written with `delimiter`.
    pub(crate) fn parse(tokens: TokenStream, delimiter: Delimiter) -> Self {
        let mut go = Go::default();
        let parsed = (|input: ParseStream<'_>| go.fill(input, delimiter)).parse2(tokens);
        if let Err(error) = parsed {
            go.errors.push(error);
        }
        go
    }

    fn fill(&mut self, input: ParseStream<'_>, mut delimiter: Delimiter) -> syn::Result<()> {
        while is_setting(input) {
            self.set(input.parse()?);
            delimiter = Delimiter::None; // the braces of the macro are round the option too: they make no block
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if captures::is_next(input) {
            self.captures = captures::parse(input, "go!", &mut self.errors)?;
            delimiter = Delimiter::None;
            if is_setting(input) {
                return Err(input.error("options come first: `go!(name = \"..\", [ch] ..)`"));
            }
        }
        let form = input.parse()?;
        self.form = Form::parse(form, delimiter, &mut self.errors);
        Ok(())
    }

    fn set(&mut self, Setting { name, value }: Setting) {
        let Value::Is(value) = value else { return }; // `is_setting` has seen the `=`
        let errors = &mut self.errors;
        match name.to_string().as_str() {
            "name" => options::set(&mut self.name, &name, *value, errors),
            "stack_size" => {
                options::check_stack_size(&value, errors);
                options::set(&mut self.stack_size, &name, *value, errors);
            }
            "crate" => match CratePath::from_value(&value) {
                Ok(path) => self.krate = path,
                Err(error) => errors.push(error),
            },
            _ => errors.at(
                &name,
                format_args!(
                    "unknown option `{name}`: the options of `go!` are `name`, `stack_size` and `crate`"
                ),
            ),
        }
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
    let known = ["name", "stack_size", "crate"].iter().any(|option| name == option);
    match input.parse::<Expr>() {
        Ok(_) => input.peek(Token![,]) || known && input.is_empty(),
        Err(_) => known,
    }
}
