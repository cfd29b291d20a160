//! Capture lists, `[ch, mut n]`: what is cloned in place, and the clone used.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::parse::ParseStream;
use syn::token::Bracket;
use syn::{Token, bracketed};

use crate::errors::Errors;
use crate::path::CratePath;

/// One name of a capture list: `ch` or `mut n`.
pub(crate) struct Capture {
    pub(crate) mutable: Option<Token![mut]>,
    pub(crate) name: Ident,
}

/// Whether a capture list is next, and not an array that something is done with: `[a, b].concat()`.
pub(crate) fn is_next(input: ParseStream<'_>) -> bool {
    input.peek(Bracket) && !input.peek2(Token![.]) && !input.peek2(Token![?])
}

/// Parses the capture list that is next, of the macro that is called `name`.
pub(crate) fn parse(input: ParseStream<'_>, name: &str, errors: &mut Errors) -> syn::Result<Vec<Capture>> {
    let list;
    let brackets = bracketed!(list in input);
    if list.is_empty() {
        let message = "empty capture list: name what to clone, `[ch]`, or remove the brackets";
        errors.push(syn::Error::new(brackets.span.join(), message));
    }
    let mut captures = Vec::new();
    while !list.is_empty() {
        captures.extend(capture(&list, &captures, errors)?);
        if !list.is_empty() {
            list.parse::<Token![,]>()?;
        }
    }
    if input.peek(Token![,]) {
        let comma = input.parse::<Token![,]>()?;
        errors.at(comma, format_args!("no comma after the capture list: `{name}([ch] f(&ch))`"));
    }
    Ok(captures)
}

/// The next element, if it is one that can be captured.
fn capture(list: ParseStream<'_>, others: &[Capture], errors: &mut Errors) -> syn::Result<Option<Capture>> {
    let mutable = list.parse()?;
    if !is_whole_name(list) {
        errors.push(not_a_name(list)?);
        return Ok(None);
    }
    let name: Ident = list.parse()?;
    if others.iter().any(|other| other.name == name) {
        errors.at(&name, format_args!("`{name}` is listed twice"));
        return Ok(None);
    }
    Ok(Some(Capture { mutable, name }))
}

/// Whether the next element is one name.
fn is_whole_name(list: ParseStream<'_>) -> bool {
    let list = list.fork();
    list.parse::<Ident>().is_ok() && (list.is_empty() || list.peek(Token![,]))
}

/// Takes an element that is no name, and says what to write instead.
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

/// The statement that takes the clone.
pub(crate) fn expand(Capture { mutable, name }: &Capture, krate: &CratePath) -> TokenStream {
    let capture = krate.private("capture");
    let get = quote_spanned!(name.span().resolved_at(Span::mixed_site())=> .get(&#name));
    quote_spanned!(Span::mixed_site()=> let #mutable #name = #capture::Capture(&#name).kind()#get;)
}
