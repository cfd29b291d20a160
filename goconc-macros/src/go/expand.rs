//! From a parsed `go!` to the tokens that start the goroutine.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};

use super::form::{Call, Form, Target};
use super::nap::Nap;
use super::operand::Operand;
use super::parse::Go;
use super::two;
use crate::captures;
use crate::path::CratePath;

// Input:
//     go!(name = "acceptor", [ch, mut n] FORM)
// Output:
//     {
//         let options = ::goconc::__private::Options::new().name("acceptor");
//         let ch = ::goconc::__private::capture::Capture(&ch).kind().get(&ch);
//         let mut n = ::goconc::__private::capture::Capture(&n).kind().get(&n);
//         FORM, started by `::goconc::__private::go_with(options, move || ..)`
//     }
pub(crate) fn expand(go: Go, krate: &CratePath) -> TokenStream {
    let site = Span::mixed_site();
    if let Some(errors) = go.errors.into_tokens() {
        let unfinished = go.form.and_then(|form| match form {
            Form::Unfinished(expr) => Some(quote_spanned!(site=> let _ = || { let _ = &#expr; };)),
            Form::Call(_) | Form::Closure(_) | Form::Block(_) => None,
        });
        return quote_spanned!(site=> { #errors #unfinished () });
    }
    let Some(form) = go.form else { return quote!(()) };

    let has_options = !go.options.is_empty();
    let options = has_options.then(|| {
        let new = krate.private("Options");
        let settings = go.options.iter().map(|(name, value)| quote_spanned!(site=> .#name(#value)));
        quote_spanned!(site=> let options = #new::new() #(#settings)*;)
    });
    let start = Start { krate, has_options, span: go.start.unwrap_or(site) };
    let captures = go.captures.iter().map(|capture| captures::expand(capture, krate));
    let form = match form {
        Form::Call(call) => start.call(&call),
        Form::Closure(closure) => match body(&closure).as_ref().and_then(Nap::find) {
            Some(nap) => start.nap(&nap),
            None => start.closure(quote_spanned!(site=> move #closure)),
        },
        Form::Block(block) => match Nap::find(&block) {
            Some(nap) => start.nap(&nap),
            None => start.closure(quote_spanned!(site=> move || { #block })),
        },
        Form::Unfinished(_) => TokenStream::new(), // was an error
    };
    quote_spanned!(site=> { #options #(#captures)* #form })
}

/// Says that the result is not wanted, whatever it is: `#[must_use]`, a lock guard, or `!`.
pub(crate) fn discard(call: &TokenStream) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(let_underscore_lock, clippy::diverging_sub_expression)] let _ = #call;)
}

/// The statements of a closure `|| { .. }`.
fn body(closure: &TokenStream) -> Option<TokenStream> {
    match closure.clone().into_iter().nth(2)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            closure.clone().into_iter().nth(3).is_none().then(|| group.stream())
        }
        _ => None,
    }
}

/// How this goroutine is started.
struct Start<'a> {
    krate: &'a CratePath,
    has_options: bool,
    /// Where the form begins.
    span: Span,
}

impl Start<'_> {
    // Input:
    //     || body, or a block as `|| { block }`
    // Output:
    //     ::goconc::__private::go(move || { let _ = (move || { block })(); });
    //
    // Two closures, because `return` in the block may give a value of any type, and the runtime wants `()`.
    fn closure(&self, closure: TokenStream) -> TokenStream {
        self.goroutine(discard(&quote_spanned!(Span::mixed_site()=> (#closure)())))
    }

    /// A block that begins with a wait.
    fn nap(&self, nap: &Nap) -> TokenStream {
        let module = self.krate.private("nap");
        let (go, go_with) = (quote!(#module::go), quote!(#module::go_with));
        self.start(&go, &go_with, two::closures(nap, &module))
    }

    // Input:
    //     worker(id, &jobs, "x")
    // Output:
    //     match (id, &jobs) {
    //         (arg0, arg1) => {
    //             if false {
    //                 let _ = worker(arg0, arg1, "x");
    //                 ::core::unreachable!();
    //             }
    //             let arg0 = ::goconc::__private::arg::Probe(&arg0).kind().keep(arg0);
    //             let arg1 = ::goconc::__private::arg::Probe(&arg1).kind().keep(arg1);
    //             ::goconc::__private::go(move || {
    //                 let (arg0, held0) = arg0;
    //                 let arg0 = arg0.pass(&held0);
    //                 let (arg1, held1) = arg1;
    //                 let arg1 = arg1.pass(&held1);
    //                 let _ = worker(arg0, arg1, "x");
    //             });
    //         }
    //     };
    //
    // A `match`, because its temporaries live until the handles are cloned. The call that never runs tells the compiler
    // the types of the arguments before `kind` asks for them: without it `go!(f(text.parse().unwrap()))` has none.
    fn call(&self, call: &Call) -> TokenStream {
        let site = Span::mixed_site();
        let operands = Operands::of(call, self.krate);
        let invocation = discard(&operands.invocation(call));
        let evaluated: Vec<_> = operands.evaluated().collect();
        if evaluated.is_empty() {
            return self.goroutine(invocation);
        }
        let values = evaluated.iter().map(|(_, value)| value);
        let names: Vec<_> = evaluated.iter().map(|(name, _)| name).collect();
        // An untyped closure would be checked twice, and its parameters have their types from the call anyway.
        let rehearsal = (!operands.has_closure()).then(|| {
            quote_spanned! {site=>
                if false {
                    #invocation
                    ::core::unreachable!();
                }
            }
        });
        let arg = self.krate.private("arg");
        let run = self.goroutine(quote_spanned! {site=>
            #(
                let (#names, held) = #names;
                #[allow(unused_mut)]
                let mut #names = #names.pass(&held);
            )*
            #invocation
        });
        quote_spanned! {site=>
            match (#(#values,)*) {
                #[allow(unused_mut, unreachable_code)]
                (#(mut #names,)*) => {
                    #rehearsal
                    #(let #names = #arg::Probe(&#names).kind().keep(#names);)*
                    #run
                }
            };
        }
    }

    /// The closure stands where the form does, for errors about what it captures.
    fn goroutine(&self, body: TokenStream) -> TokenStream {
        self.start(&self.krate.private("go"), &self.krate.private("go_with"), body)
    }

    /// By one of two functions: without options, and with.
    fn start(&self, go: &TokenStream, go_with: &TokenStream, body: TokenStream) -> TokenStream {
        let site = Span::mixed_site();
        let closure = quote_spanned!(self.span.resolved_at(site)=> move || { #body });
        if self.has_options {
            quote_spanned!(site=> #go_with(options, #closure);)
        } else {
            quote_spanned!(site=> #go(#closure);)
        }
    }
}

/// The parts of a call, in source order.
pub(crate) struct Operands {
    pub(crate) target: Operand,
    pub(crate) args: Vec<Operand>,
}

impl Operands {
    fn of(call: &Call, krate: &CratePath) -> Self {
        let target = match &call.target {
            Target::Callee(callee) => Operand::callee(callee, krate),
            Target::Method { receiver, .. } => Operand::receiver(receiver, krate),
        };
        let args = call.args.iter().enumerate().map(|(number, arg)| Operand::argument(arg, number)).collect();
        Operands { target, args }
    }

    fn all(&self) -> impl Iterator<Item = &Operand> {
        std::iter::once(&self.target).chain(&self.args)
    }

    /// Name and value of each part that is evaluated in the caller.
    pub(crate) fn evaluated(&self) -> impl Iterator<Item = (&syn::Ident, &TokenStream)> {
        self.all().filter_map(|operand| match operand {
            Operand::Now { name, value } => Some((name, value)),
            Operand::Inline(_) | Operand::Closure(_) => None,
        })
    }

    fn has_closure(&self) -> bool {
        self.all().any(|operand| matches!(operand, Operand::Closure(_)))
    }

    /// The call itself.
    pub(crate) fn invocation(&self, call: &Call) -> TokenStream {
        let mut tokens = self.target.to_token_stream();
        if let Target::Method { dot, method, turbofish, .. } = &call.target {
            tokens.extend(quote!(#dot #method #turbofish));
        }
        let args = &self.args;
        call.paren.surround(&mut tokens, |tokens| tokens.extend(quote!(#(#args),*)));
        tokens
    }
}
