//! What the unit tests share: tokens compared as text, errors read back from `compile_error!`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Asserts that `actual` has the tokens of `expected`, however they are laid out.
#[track_caller]
pub(crate) fn assert_tokens(actual: &TokenStream, expected: &str) {
    assert_eq!(spaced(actual.clone()), spaced(tokens(expected)));
}

/// All tokens with one space after each: `to_string` puts spaces by how tokens came about.
fn spaced(tokens: TokenStream) -> String {
    let text = |tree: TokenTree| match tree {
        TokenTree::Group(group) => {
            let [open, close] = match group.delimiter() {
                Delimiter::Parenthesis => ["( ", ") "],
                Delimiter::Bracket => ["[ ", "] "],
                Delimiter::Brace => ["{ ", "} "],
                Delimiter::None => ["", ""],
            };
            format!("{open}{}{close}", spaced(group.stream()))
        }
        leaf => format!("{leaf} "),
    };
    tokens.into_iter().map(text).collect()
}

#[track_caller]
pub(crate) fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The texts of all `compile_error!`s in `tokens`, in order.
pub(crate) fn errors(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_error = false;
    for tree in tokens {
        match tree {
            TokenTree::Ident(word) if word == "compile_error" => is_error = true,
            TokenTree::Group(group) if is_error => {
                let text: syn::LitStr = syn::parse2(group.stream()).expect("compile_error! takes a text");
                found.push(text.value());
                is_error = false;
            }
            TokenTree::Group(group) => found.extend(errors(group.stream())),
            _ => {}
        }
    }
    found
}
