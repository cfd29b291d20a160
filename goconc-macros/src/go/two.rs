//! From a block that begins with a wait to the body of the first of two closures, in which the second one is.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;
use syn::spanned::Spanned;

use super::expand::discard;
use super::nap::{Local, Nap, Wait};

// Input:
//     { let start = Instant::now(); println!("{name}"); time::sleep(d); after }
// Output:
//     move || {
//         let start = Instant::now();
//         let probe0 = ::goconc::__private::nap::Local::of(&start);
//         println!("{name}");
//         let duration = d;
//         let nap = if ::goconc::__private::nap::is_sleep(&time::sleep, &duration) {
//             ::goconc::__private::nap::Here.sleep_for(duration)
//         } else {
//             time::sleep(duration);
//             ::goconc::__private::nap::Nap::over()
//         };
//         let rest = move || {
//             let _ = (move || { let start = start; let _ = &name; after })();
//         };
//         let can_move = true && (&probe0).can_move();
//         nap.then(can_move, rest)
//     }
//
// Whether `time::sleep` is ours, only the compiler knows. It has seen to it that the first closure, and so all that is captured,
// may go to another thread; for the variables in between `Local` finds out: once all of the body has told what their types are.
//
// Input:
//     { let job = jobs.recv(); after }
// Output:
//     move || {
//         let from = (&::goconc::__private::nap::Source(&jobs)).receive();
//         let rest = from.rest(move |first| {
//             let _ = (move || {
//                 let job = match first {
//                     ::goconc::__private::nap::First::Now(value) => value.get(),
//                     ::goconc::__private::nap::First::Call => jobs.recv(),
//                 };
//                 after
//             })();
//         });
//         let can_move = true;
//         rest.if_it(can_move)
//     }
//
// Whether that is a channel of ours, its type tells. If not, or if the goroutine may not leave its stack, it receives as it stands
// there; `Now` cannot come then, and its `get` is of whatever type. It has the channel in any case.
pub(super) fn closures(nap: &Nap, module: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let Nap { before, locals, seen, wait, after } = nap;
    let probes: Vec<_> = (0..locals.len()).map(|n| Ident::new(&format!("probe{n}"), site)).collect();
    let before = before.iter().enumerate().map(|(number, statement)| {
        let declared = locals.iter().zip(&probes).filter(|(local, _)| local.declared_by == number);
        let asked = declared.map(|(Local { name, .. }, probe)| {
            quote_spanned! {site=>
                #[allow(clippy::used_underscore_binding)]
                let #probe = #module::Local::of(&#name);
            }
        });
        quote_spanned!(site=> #statement; #(#asked)*)
    });
    let kept = locals.iter().filter(|local| !local.used).map(|Local { mutable, name, .. }| {
        quote_spanned! {site=>
            #[allow(unused_variables, unused_mut, clippy::redundant_locals, clippy::used_underscore_binding)]
            let #mutable #name = #name;
        }
    });
    let kept = quote_spanned!(site=> #(#kept)* #(let _ = &#seen;)*);
    let asks =
        (!locals.is_empty()).then(|| quote_spanned!(site=> use #module::{MayMove as _, MayStay as _};));
    let before = quote_spanned!(site=> #asks #(#before)*);
    let can_move = quote_spanned!(site=> let can_move = true #(&& (&#probes).can_move())*;);
    match wait {
        Wait::Sleep { path, duration } => {
            let sleep = sleep(path, duration, module);
            let go_on = discard(&quote_spanned!(site=> (move || { #kept #after })()));
            quote_spanned! {site=>
                #before
                #sleep
                let rest = move || { #go_on };
                #can_move
                nap.then(can_move, rest)
            }
        }
        Wait::Receive { pattern, place, call, method } => {
            let receive = quote_spanned!(*method=> .receive());
            let declare = pattern.as_ref().map(|pattern| quote_spanned!(site=> let #pattern =));
            let go_on = discard(&quote_spanned! {site=>
                (move || {
                    #kept
                    #declare match first {
                        #[allow(unreachable_patterns)]
                        #module::First::Now(value) => value.get(),
                        #module::First::Call => #call,
                    };
                    #after
                })()
            });
            quote_spanned! {site=>
                use #module::{Receives as _, ReceivesNot as _};
                #before
                let from = (&#module::Source(&#place)) #receive;
                let rest = from.rest(move |first| { #go_on });
                #can_move
                rest.if_it(can_move)
            }
        }
    }
}

/// Finds out how long to sleep, or calls whatever else has that name.
fn sleep(path: &TokenStream, duration: &Expr, module: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    // What stands where the `go!` is, is no place of a sleep. Nor would be a call by a path that begins there.
    let spot = path.clone().into_iter().next().map_or(site, |first| first.span());
    let value = duration.span().resolved_at(site);
    let value = quote_spanned!(value=> duration);
    let sleep_for = quote_spanned!(spot=> .sleep_for(#value));
    quote_spanned! {site=>
        let #value = #duration;
        let nap = if #module::is_sleep(&#path, &#value) {
            #module::Here #sleep_for
        } else {
            #path(#value);
            #module::Nap::over()
        };
    }
}
