//! The procedural macros of `goconc`. Use them through it: what they expand to is a private protocol.

mod captures;
mod defer;
mod errors;
mod go;
mod goroutine;
mod options;
mod path;
mod select;
#[cfg(test)]
mod testing;
mod written;

use proc_macro::{TokenStream, TokenTree};

use crate::written::Place;

/// `goconc::defer!`, whose documentation is there. The wrapper passes `($crate)` first.
#[proc_macro]
pub fn defer(input: TokenStream) -> TokenStream {
    let user = input.clone().into_iter().skip(1);
    defer::expand(input.into(), || written::delimiter("defer", user.filter_map(place))).into()
}

/// `goconc::go!`, whose documentation is there. The wrapper passes `($crate)` first.
#[proc_macro]
pub fn go(input: TokenStream) -> TokenStream {
    let user = input.clone().into_iter().skip(1);
    go::expand(input.into(), || written::delimiter("go", user.filter_map(place))).into()
}

/// Makes a function a Go function; on `fn main`, makes its body the main goroutine.
///
/// Go: `func`.
///
/// | Go | goconc |
/// |---|---|
/// | `func main() { .. }` | `#[goroutine] fn main() { .. }` |
/// | `func worker(id int, jobs <-chan Job, results chan<- Res)` | `#[goroutine] fn worker(id: u32, jobs: Recv<Job>, results: Send<Res>)` |
///
/// # On `fn main`
/// When the body returns the process ends, and the other goroutines with it. The return type is whatever `main` can
/// return (`std::process::Termination`). Options, separated by commas:
/// ```text
/// #[goroutine(gomaxprocs = 4)]           how many goroutines run at the same time; an expression, at least 1
/// #[goroutine(stack_size = "256 KiB")]   of each goroutine; a text with B, KiB, MiB or GiB, or a number of bytes
/// #[goroutine(sticky)]                   a goroutine stays on the thread it first ran on
/// #[goroutine(unsafe(migrate))]          it may move; a promise that nothing relies on the identity of its thread
/// #[goroutine(crate = "my::goconc")]     where goconc is, if it is not `::goconc`
/// ```
/// An attribute cannot tell under which name a program knows goconc, as `go!` can. Instead of `crate` in every attribute,
/// a program with `other = { package = "goconc", .. }` may say `extern crate other as goconc;` in its root, once.
///
/// # On any other function or method
/// A parameter whose type is written `Recv<T>`, `Send<T>`, or with a path in front (`chan::Recv<T>`) accepts everything
/// that converts to it: a `Chan<T>`, `&Chan<T>`, `&Recv<T>` .. What a call passes in the wrong direction does not
/// compile, nor does what the body does in it. The type is known by its name only: a `use .. as` hides it, and
/// `std::marker::Send` takes no parameter, so it is not mistaken for it.
///
/// `Send` is not in `goconc::prelude`, where it would hide the trait `Send` from bounds. So write `chan::Send<T>`, or
/// `use goconc::Send;`. Without either, `Send<T>` is the trait, and the compiler says `expected a type, found a trait`.
///
/// The function can be called directly or by `go!`. Its only option is `crate`. A method of a trait needs the attribute
/// in the trait and in each `impl`.
///
/// A panic that is recovered in a `defer!` of the function, or of a function without the attribute that it calls, ends the
/// unwinding here: see [`defer!`]. Only a body with a `defer!` in it, or with a macro that may expand to one, pays for that.
///
/// # What it expands to
/// ```text
/// #[goroutine(gomaxprocs = 4)]
/// fn main() -> Result<(), Error> { body }
///
/// fn main() -> ::std::process::ExitCode {
///     fn main() -> Result<(), Error> { body }
///     ::goconc::__private::main::<Result<(), Error>>(::goconc::__private::MainOptions::new().gomaxprocs(4), main)
/// }
///
/// #[goroutine]
/// fn worker(id: u32, jobs: Recv<Job>) { body }
///
/// fn worker(id: u32, jobs: impl ::core::convert::Into<Recv<Job>>) {
///     let jobs = ::core::convert::Into::into(jobs); // a `Recv<Job>`
///     body
/// }
///
/// #[goroutine]
/// fn careful(n: u32) -> Answer { defer! { recover(); } rest }
///
/// fn careful(n: u32) -> Answer {
///     let function = ::goconc::__private::Function::new(move || -> Answer { defer! { recover(); } rest });
///     let zero = function.result().zero();     // by its type: the Default, if there is one
///     function.run(zero)                       // `run_or_given` if `returning` is in a `defer!`
/// }
/// ```
/// Attributes, documentation, visibility, generics and the body stay as they are. (Round a closure `#[track_caller]` works for
/// what the function calls, not for `Location::caller()` in its body.) A function that uses `returning` must have a
/// return type that borrows nothing.
///
/// # Errors
/// `async fn`, `const fn` and `extern "C" fn`; arguments or generics on `main`; an unknown or contradictory option; an
/// option of `main` elsewhere; `Recv<impl Trait>`, whose type has no name.
#[proc_macro_attribute]
pub fn goroutine(options: TokenStream, item: TokenStream) -> TokenStream {
    goroutine::expand(options.into(), item.into()).into()
}

/// `goconc::select!`, whose documentation is there. The wrapper passes `($crate)` first.
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}

/// Where a token stands, if the compiler has a file for it.
fn place(tree: TokenTree) -> Option<Place> {
    let span = tree.span();
    let text = span.source_text()?.lines().next()?.to_owned();
    Some(Place { file: span.local_file()?, line: span.line(), column: span.column(), text })
}
