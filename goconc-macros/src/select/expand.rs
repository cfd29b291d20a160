//! From a parsed `select!` to the tokens that wait and run one arm.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr};

use super::operation::{Operation, Received};
use super::parse::{Attributes, Case, Default, Select};

// Input:
//     select! {
//         v = <-a => A,
//         v := <-b, if g => B,
//         out <- x => C,
//         default => D,
//     }
// Output, with `$` for `$crate::__private::select`:
//     {
//         let mut slot0 = $::Slot::new();
//         let mut slot1 = $::Slot::new();
//         let chosen = $::try_select(&mut [
//             $::recv(&(a), &mut slot0).id(0),
//             $::when(g, $::recv(&(b), &mut slot1)).id(1),
//             $::send(&(out), &mut $::Temporary::new(), x).id(2),
//         ]);
//         match chosen {
//             0 => { let v = slot0.take(); A }
//             1 => { let v = slot1.take_or_default(); B }
//             2 => C,
//             _ => D,
//         }
//     }
//
// The operands stand in the call itself, so that their temporaries live until it returns, and no longer: a body may
// move or change the channels. The same holds for the slot of a value that no body gets.
//
// One arm, alone or with a `default`, is a plain operation: see `single`.
pub(crate) fn expand(select: Select, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let errors = select.errors.into_tokens();
    let (cases, default) = (&select.cases, select.default.as_ref());
    match (cases.as_slice(), default, &errors) {
        ([], None, Some(errors)) => return quote_spanned!(site=> { #errors ::core::unreachable!() }),
        ([], None, None) => return quote_spanned!(site=> #private::block_for_ever()),
        ([case], _, None) if is_plain(case, default) => return single(case, default, private),
        _ => {}
    }
    let arms: Vec<_> = cases.iter().enumerate().map(|(id, case)| Arm::new(id, case, private)).collect();
    let slots = arms.iter().map(Arm::declaration);
    let cases = arms.iter().map(Arm::case);
    let bodies = arms.iter().map(Arm::body);
    let choose = choose(select.biased, default, private);
    let otherwise = otherwise(default, private);
    quote_spanned! {site=>
        {
            #errors
            #(#slots)*
            #choose(&mut [#(#cases),*]);
            match chosen {
                #(#bodies)*
                #otherwise
            }
        }
    }
}

/// Whether the one case of a select is all there is to it: no guard or attribute says otherwise.
fn is_plain(case: &Case, default: Option<&Default>) -> bool {
    let bare = |attrs: &Attributes| attrs.cfgs.is_empty() && attrs.others.is_empty();
    case.guard.is_none() && bare(&case.attrs) && default.is_none_or(|default| bare(&default.attrs))
}

// Output for `v = <-a => A`:
//     { let slot = $::recv_only(&(a)); let v = slot.take(); A }
// and with `default => D`:
//     {
//         let chosen = $::try_recv_only(&(a));
//         match chosen {
//             ::core::option::Option::Some(slot) => { let v = slot.take(); A }
//             ::core::option::Option::None => D,
//         }
//     }
// for `out <- x => C`:
//     { $::send_only(&(out), x); C }
// and with `default => D`:
//     { let chosen = $::try_send_only(&(out), x); if chosen { C } else { D } }
fn single(case: &Case, default: Option<&Default>, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let body = &case.body;
    let slot = Ident::new("slot", site);
    match (&case.operation, default) {
        (Operation::Recv { from, into }, None) => {
            let from = borrow(from);
            let bind = binding(into, &slot);
            let body = foreign_braces(body);
            quote_spanned!(site=> { let #slot = #private::recv_only(#from); #bind #body })
        }
        (Operation::Recv { from, into }, Some(default)) => {
            let from = borrow(from);
            let bind = binding(into, &slot);
            let body = foreign_braces(body);
            let otherwise = &default.body;
            quote_spanned! {site=>
                {
                    let chosen = #private::try_recv_only(#from);
                    match chosen {
                        ::core::option::Option::Some(#slot) => { #bind #body }
                        ::core::option::Option::None => #otherwise,
                    }
                }
            }
        }
        (Operation::Send { to, value }, None) => {
            let to = borrow(to);
            let body = foreign_braces(body);
            quote_spanned!(site=> { #private::send_only(#to, #value); #body })
        }
        (Operation::Send { to, value }, Some(default)) => {
            let to = borrow(to);
            let otherwise = &default.body;
            quote_spanned! {site=>
                {
                    let chosen = #private::try_send_only(#to, #value);
                    match chosen {
                        true => #body,
                        false => #otherwise,
                    }
                }
            }
        }
    }
}

// Output:
//     let chosen = $::try_select
// or, if `#[cfg(unix)]` stands on the `default`:
//     #[cfg(all(unix))]
//     let select = $::try_select;
//     #[cfg(not(all(unix)))]
//     let select = $::select;
//     let chosen = select
fn choose(biased: bool, default: Option<&Default>, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let [blocking, trying] = match biased {
        false => ["select", "try_select"],
        true => ["select_biased", "try_select_biased"],
    }
    .map(|name| Ident::new(name, site));
    let exists = default.map(|default| condition(&default.attrs.cfgs));
    match exists {
        None => quote_spanned!(site=> let chosen = #private::#blocking),
        Some(None) => quote_spanned!(site=> let chosen = #private::#trying),
        Some(Some(condition)) => quote_spanned! {site=>
            #[cfg(#condition)]
            let select = #private::#trying;
            #[cfg(not(#condition))]
            let select = #private::#blocking;
            let chosen = select
        },
    }
}

/// The last arm of the `match`: `default`, if it exists.
fn otherwise(default: Option<&Default>, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let impossible = quote_spanned!(site=> _ => #private::unreachable(),);
    let Some(Default { attrs, body }) = default else { return impossible };
    let (cfgs, others) = (&attrs.cfgs, &attrs.others);
    let impossible =
        condition(cfgs).map(|condition| quote_spanned!(site=> #[cfg(not(#condition))] #impossible));
    quote_spanned!(site=> #(#cfgs)* #(#others)* _ => #body, #impossible)
}

/// The `all(..)` of what is in these `#[cfg(..)]`s, if there are any.
fn condition(cfgs: &[Attribute]) -> Option<TokenStream> {
    let conditions = cfgs.iter().filter_map(|cfg| Some(&cfg.meta.require_list().ok()?.tokens));
    (!cfgs.is_empty()).then(|| quote!(all(#(#conditions),*)))
}

/// A case, and the names and paths in its expansion.
struct Arm<'a> {
    id: Literal,
    case: &'a Case,
    /// Where the body finds what was received; `None` if it gets nothing.
    slot: Option<Ident>,
    private: &'a TokenStream,
}

impl<'a> Arm<'a> {
    fn new(id: usize, case: &'a Case, private: &'a TokenStream) -> Self {
        let slot = match case.operation {
            Operation::Recv { into: Received::Ignored, .. } | Operation::Send { .. } => None,
            Operation::Recv { .. } => Some(format_ident!("slot{id}", span = Span::mixed_site())),
        };
        Arm { id: Literal::usize_unsuffixed(id), case, slot, private }
    }

    fn declaration(&self) -> Option<TokenStream> {
        let Arm { slot, private, .. } = self;
        let slot = slot.as_ref()?;
        let cfgs = &self.case.attrs.cfgs;
        Some(quote_spanned!(Span::mixed_site()=> #(#cfgs)* let mut #slot = #private::Slot::new();))
    }

    /// An element of the array of cases.
    fn case(&self) -> TokenStream {
        let Arm { id, case, slot, private } = self;
        let site = Span::mixed_site();
        let slot = match slot {
            Some(slot) => slot.to_token_stream(),
            None => quote_spanned!(site=> #private::Temporary::new()),
        };
        let operation = match &case.operation {
            Operation::Recv { from, .. } => {
                let from = borrow(from);
                quote_spanned!(site=> #private::recv(#from, &mut #slot))
            }
            Operation::Send { to, value } => {
                let to = borrow(to);
                quote_spanned!(site=> #private::send(#to, &mut #slot, #value))
            }
        };
        let guarded = match &case.guard {
            Some(guard) => quote_spanned!(site=> #private::when(#guard, #operation)),
            None => operation,
        };
        let cfgs = &case.attrs.cfgs;
        quote_spanned!(site=> #(#cfgs)* #guarded.id(#id))
    }

    /// An arm of the `match`.
    fn body(&self) -> TokenStream {
        let Arm { id, case: Case { attrs, operation, body, .. }, slot, .. } = self;
        let site = Span::mixed_site();
        let body = match operation {
            Operation::Recv { into, .. } => bind(into, slot.as_ref(), body),
            Operation::Send { .. } => body.clone(),
        };
        let (cfgs, others) = (&attrs.cfgs, &attrs.others);
        quote_spanned!(site=> #(#cfgs)* #(#others)* #id => #body,)
    }
}

/// `body` with the names of the arm.
fn bind(into: &Received, slot: Option<&Ident>, body: &TokenStream) -> TokenStream {
    let Some(slot) = slot else { return body.clone() };
    let binding = binding(into, slot);
    let body = foreign_braces(body);
    quote_spanned!(Span::mixed_site()=> { #binding #body })
}

/// Takes what was received. Errors about what it is bound to, and about the type of that, are shown at the names.
fn binding(into: &Received, slot: &Ident) -> TokenStream {
    let at = |tokens: &dyn ToTokens| {
        let site = tokens.span().resolved_at(Span::mixed_site());
        (site, Ident::new(&slot.to_string(), site))
    };
    match into {
        Received::Ignored => quote_spanned!(Span::mixed_site()=> ::core::mem::drop(#slot.take());),
        Received::Option(pattern) => {
            let (site, slot) = at(pattern);
            quote_spanned!(site=> let #pattern = #slot.take();)
        }
        Received::Value(value) => {
            let (site, slot) = at(value);
            quote_spanned!(site=> let #value = #slot.take_or_default();)
        }
        Received::ValueOk(value, ok) => {
            let (site, slot) = at(value);
            quote_spanned!(site=> let (#value, #ok) = #slot.take_ok();)
        }
    }
}

/// `body`, and if it is a block, with braces that are not the user's: `v = <-a => { v }` has a block in a block now, of
/// which the compiler says that its braces are not needed.
fn foreign_braces(body: &TokenStream) -> TokenStream {
    let foreign = |mut tree| {
        if let TokenTree::Group(group) = &mut tree {
            group.set_span(group.span().resolved_at(Span::mixed_site()));
        }
        tree
    };
    let mut trees = body.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(only), None) => foreign(only).into(),
        _ => body.clone(),
    }
}

/// A reference to a channel, so that it stays usable. Errors about its type are shown at it, so it is all the user's.
fn borrow(channel: &Expr) -> TokenStream {
    let span = channel.span();
    match channel {
        Expr::Path(_)
        | Expr::Field(_)
        | Expr::Index(_)
        | Expr::Call(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Macro(_)
        | Expr::Group(_)
        | Expr::Lit(_)
        | Expr::Unary(_)
        | Expr::Reference(_) => {
            quote_spanned!(span=> &#channel)
        }
        _ => quote_spanned!(span.resolved_at(Span::mixed_site())=> &(#channel)),
    }
}
