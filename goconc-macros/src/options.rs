//! The options of the macros: `name = value`, `word`, and `unsafe(word)`.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, ExprLit, Lit, Token, parenthesized};

use crate::errors::Errors;

/// One option as it is written.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

/// What follows the name of an option.
pub(crate) enum Value {
    /// `sticky`
    None,
    /// `gomaxprocs = 4`
    Is(Box<Expr>),
    /// `unsafe(migrate)`
    Word(Ident),
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Is(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let word;
            parenthesized!(word in input);
            let value = Value::Word(word.call(Ident::parse_any)?);
            if !word.is_empty() {
                return Err(word.error("expected one word"));
            }
            value
        } else {
            Value::None
        };
        Ok(Setting { name, value })
    }
}

/// Fills `slot`, which an option may do once.
pub(crate) fn set<T>(slot: &mut Option<T>, name: &Ident, value: T, errors: &mut Errors) {
    if slot.replace(value).is_some() {
        errors.at(name, format_args!("`{name}` is given twice"));
    }
}

/// The literal `value` is, if it is one.
pub(crate) fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// Checks a stack size that is a literal; what an expression gives is known at run time only.
pub(crate) fn check_stack_size(value: &Expr, errors: &mut Errors) {
    let fits = match literal(value) {
        None => return,
        Some(Lit::Str(text)) => is_size(&text.value()),
        Some(Lit::Int(bytes)) => {
            matches!(bytes.suffix(), "" | "usize") && bytes.base10_parse::<u64>().is_ok_and(|n| n > 0)
        }
        Some(_) => false,
    };
    if !fits {
        errors.at(
            value,
            "a stack size is a positive number of bytes such as `65536`, or a text such as \"64 KiB\" \
             (units: B, KiB, MiB, GiB)",
        );
    }
}

/// Whether `text` is a positive whole number and a unit. The units are those of Go's `GOMEMLIMIT`.
fn is_size(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return false,
    };
    number.parse::<u64>().is_ok_and(|n| n > 0 && n.checked_mul(1 << shift).is_some())
}

#[cfg(test)]
mod tests {
    use super::is_size;

    #[test]
    fn sizes() {
        for good in ["65536", "1B", "64KiB", "64 KiB", "1 MiB", "2 GiB"] {
            assert!(is_size(good), "{good}");
        }
        for bad in [
            "",
            "KiB",
            "0",
            "0 KiB",
            "-1",
            "1.5 MiB",
            "64 KB",
            "64 kib",
            " 64 KiB",
            "64 KiB ",
            "99999999999999 GiB",
        ] {
            assert!(!is_size(bad), "{bad}");
        }
    }
}
