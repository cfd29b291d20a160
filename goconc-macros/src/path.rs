//! Where `goconc` is.
//!
//! The user may have renamed the dependency, or know it through another crate that re-exports it. A macro that is called
//! like a function is behind a `macro_rules!` of goconc, which passes its `$crate` in front of the user's tokens: that is
//! right everywhere. An attribute has no such wrapper: for it goconc is `::goconc`, unless `crate = ".."` says otherwise.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Lit, Path};

use crate::options::literal;

/// The path of the library. Everything an expansion names is behind its `__private` module.
#[derive(Default)]
pub(crate) struct CratePath(Option<TokenStream>);

impl CratePath {
    /// The value of `crate = ..`: a path, or a text that is one (as other attribute macros want it).
    pub(crate) fn from_value(value: &Expr) -> syn::Result<Self> {
        let path = match (value, literal(value)) {
            (Expr::Path(path), _) if path.qself.is_none() => Some(path.path.clone()),
            (_, Some(Lit::Str(text))) => text.parse_with(Path::parse_mod_style).ok(),
            _ => None,
        };
        match path {
            Some(path) => Ok(CratePath(Some(path.into_token_stream()))),
            None => Err(syn::Error::new_spanned(
                value,
                "`crate` is the path of the goconc crate, such as `crate = \"my_goconc\"`",
            )),
        }
    }

    // Input:
    //     ($crate) tokens of the user
    // Output:
    //     `$crate`, and `tokens of the user`
    pub(crate) fn split(tokens: TokenStream) -> (Self, TokenStream) {
        let mut trees = tokens.into_iter();
        match trees.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                (CratePath(Some(group.stream())), trees.collect())
            }
            _ => unreachable!("the wrapper in goconc passes `($crate)` first"),
        }
    }

    /// The path of `name` in the private module.
    pub(crate) fn private(&self, name: &str) -> TokenStream {
        let name = syn::Ident::new(name, Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> #self::__private::#name)
    }
}

impl ToTokens for CratePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote_spanned!(Span::mixed_site()=> ::goconc)),
        }
    }
}
