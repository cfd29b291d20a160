//! The syntax of `go!`: options, a capture list, and what is to run.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::token::Bracket;
use syn::{Expr, Token, bracketed};

use super::form::Form;
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

/// One name of a capture list: `ch` or `mut n`.
pub(crate) struct Capture {
    pub(crate) mutable: Option<Token![mut]>,
    pub(crate) name: Ident,
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
        if is_capture_list(input) {
            self.capture_list(input)?;
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

    fn capture_list(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let list;
        let brackets = bracketed!(list in input);
        if list.is_empty() {
            let message = "empty capture list: name what to clone, `[ch]`, or remove the brackets";
            self.errors.push(syn::Error::new(brackets.span.join(), message));
        }
        while !list.is_empty() {
            self.capture(&list)?;
            if !list.is_empty() {
                list.parse::<Token![,]>()?;
            }
        }
        if input.peek(Token![,]) {
            let comma = input.parse::<Token![,]>()?;
            self.errors.at(comma, "no comma after the capture list: `go!([ch] f(&ch))`");
        }
        Ok(())
    }

    fn capture(&mut self, list: ParseStream<'_>) -> syn::Result<()> {
        let mutable = list.parse()?;
        if !is_whole_name(list) {
            self.errors.push(not_a_name(list)?);
            return Ok(());
        }
        let name: Ident = list.parse()?;
        if self.captures.iter().any(|other| other.name == name) {
            self.errors.at(&name, format_args!("`{name}` is listed twice"));
        } else {
            self.captures.push(Capture { mutable, name });
        }
        Ok(())
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

/// Whether a capture list is next, and not an array that something is done with: `[a, b].concat()`.
fn is_capture_list(input: ParseStream<'_>) -> bool {
    input.peek(Bracket) && !input.peek2(Token![.]) && !input.peek2(Token![?])
}

/// Whether the next element of a capture list is one name.
fn is_whole_name(list: ParseStream<'_>) -> bool {
    let list = list.fork();
    list.parse::<Ident>().is_ok() && (list.is_empty() || list.peek(Token![,]))
}

/// Takes an element of a capture list that is no name, and says what to write instead.
fn not_a_name(list: ParseStream<'_>) -> syn::Result<syn::Error> {
    let here = list.span();
    let mut element = TokenStream::new();
    while !list.is_empty() && !list.peek(Token![,]) {
        element.extend([list.parse::<TokenTree>()?]);
    }
    let text = element.to_string();
    Ok(match (text.as_str(), text.strip_prefix('&')) {
        ("", _) => syn::Error::new(here, "a capture list holds names: `[ch, mut n]`"),
        ("self", _) => syn::Error::new_spanned(
            element,
            "`self` cannot be rebound: clone it first, `let this = self.clone();`, and use `this`",
        ),
        (_, Some(name)) => syn::Error::new_spanned(
            element,
            format_args!("a capture list clones what it names: write `{}` without the `&`", name.trim()),
        ),
        (_, None) => syn::Error::new_spanned(
            element,
            "a capture list holds names of local variables, `[ch, mut n]`: give this a name first, `let name = ..;`",
        ),
    })
}
