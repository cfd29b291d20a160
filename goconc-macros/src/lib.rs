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

use proc_macro::{Span, TokenStream};
use proc_macro2::Delimiter;

/// DOC
#[proc_macro]
pub fn defer(input: TokenStream) -> TokenStream {
    defer::expand(input.into(), delimiter() == Delimiter::Brace).into()
}

/// Starts a goroutine.
///
/// Go: the `go` statement.
///
/// | Go | goconc |
/// |---|---|
/// | `go worker(id, jobs)` | `go!(worker(id, &jobs))` |
/// | `go server.Handle(conn)` | `go!(server.handle(conn))` |
/// | `go func() { work() }()` | `go! { work() }` or `go!(\|\| work())` |
/// | `go func(i int) { use(i) }(i)` | `go!((\|i\| use_it(i))(i))` |
///
/// # Forms
/// ```text
/// go!(worker(id, &jobs));              a call
/// go!(server.handle(conn));            a method call
/// go!(|| println!("hi"));              a closure without parameters
/// go! { let x = rx.recv(); use_it(x) } a block
/// go!([ch, wg, mut n] FORM);           clones of `ch`, `wg` and `n` move in
/// go!(name = "acceptor", FORM);        a name, shown in dumps and traces
/// go!(stack_size = "1 MiB", FORM);     a text with B, KiB, MiB or GiB, or a number of bytes
/// go!(crate = my::goconc, FORM);       where goconc is, if it is not `::goconc`
/// ```
/// Options come first, in any order, then the capture list, then the form. The value is `()`.
///
/// # What is evaluated when
/// * Of a call, everything but the call itself is evaluated now, in the caller, once, in source order: the options, the
///   clones of the capture list, the callee or the receiver (all of `a.b()` in `a.b().c(x)`), the arguments. So `?`,
///   `return` and `.await` in an argument act on the caller.
/// * Of a closure or a block nothing is evaluated now. What it names moves into the goroutine. `return` ends the
///   goroutine.
/// * Braces make a block, so `go! { tx.send(rx.recv()) }` receives in the goroutine and `go!(tx.send(rx.recv()))`
///   receives in the caller.
/// * A macro call such as `go!(println!("{x}"))`, a loop, an `if` or a `match` is a block of one expression.
/// * The result is discarded, `#[must_use]` or not. [`spawn`] is the form with a result.
///
/// [`spawn`]: https://docs.rs/goconc/latest/goconc/fn.spawn.html
///
/// # How values get into the goroutine
/// * A reference to a handle (`&Chan`, `&Arc<T>`, `&Context` ..) is cloned, and the goroutine passes a reference to its
///   clone. So `go!(worker(&jobs))` leaves `jobs` usable, also where `jobs` is a reference already, and `worker` can
///   take `&Chan<T>`, `impl Into<Recv<T>>`, or the `&T` of an `&Arc<T>`.
/// * A receiver or callee that is a field or an element, as `self.jobs` in `go!(self.jobs.send(1))`, is treated like a
///   reference to it; if it is `Copy` it is copied.
/// * Everything else moves, handles too: list what is needed afterwards, `go!([ch] ch.send(1))`.
/// * A static, by its name in capitals or its path of several segments, stays where it is: `go!(WG.wait())`,
///   `go!(f(&config::LIMITS))`.
/// * A closure that is an argument moves what it names.
///
/// # What it expands to
/// ```text
/// go!(name = "w", [ch] worker(id, &ch));
///
/// {
///     let options = ::goconc::__private::Options::new().name("w");
///     let ch = ch.clone();
///     match (id, &ch) {
///         (arg0, arg1) => {
///             if false { worker(arg0, arg1); }         // tells the types of the arguments
///             let (arg0, arg1) = (arg0, arg1.clone()); // which of them are cloned is found by their types
///             ::goconc::__private::go_with(options, move || { let _ = worker(arg0, &arg1); });
///         }
///     }
/// }
/// ```
///
/// # Errors
/// Something that is no call, closure or block (`go!(x)`, `go!(f()?)`, `go!(f().await)`), a closure with parameters, a
/// capture list that holds something else than names, an unknown option, a stack size that is none. What moves must be
/// `Send + 'static`.
#[proc_macro]
pub fn go(input: TokenStream) -> TokenStream {
    go::expand(input.into(), delimiter()).into()
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
///
/// # On any other function or method
/// A parameter whose type is written `Recv<T>`, `Send<T>`, or with a path in front (`chan::Recv<T>`) accepts everything
/// that converts to it: a `Chan<T>`, `&Chan<T>`, `&Recv<T>` .. What a call passes in the wrong direction does not
/// compile. The type is known by its name only: a `use .. as` hides it, and `std::marker::Send` takes no parameter, so
/// it is not mistaken for it.
///
/// The function can be called directly or by `go!`. Its only option is `crate`. A method of a trait needs the attribute
/// in the trait and in each `impl`.
///
/// # What it expands to
/// ```text
/// #[goroutine(gomaxprocs = 4)]
/// fn main() -> Result<(), Error> { body }
///
/// fn main() -> ::std::process::ExitCode {
///     fn main() -> Result<(), Error> { body }
///     ::goconc::__private::main(::goconc::__private::MainOptions::new().gomaxprocs(4), main)
/// }
///
/// #[goroutine]
/// fn worker(id: u32, jobs: Recv<Job>) { body }
///
/// fn worker(id: u32, jobs: impl ::core::convert::Into<Recv<Job>>) {
///     let jobs: Recv<Job> = ::core::convert::Into::into(jobs);
///     body
/// }
/// ```
/// Attributes, documentation, visibility, generics and the body stay as they are.
///
/// # Errors
/// `async fn`, `const fn` and `extern "C" fn`; arguments or generics on `main`; an unknown or contradictory option; an
/// option of `main` elsewhere; `Recv<impl Trait>`, whose type has no name.
#[proc_macro_attribute]
pub fn goroutine(options: TokenStream, item: TokenStream) -> TokenStream {
    goroutine::expand(options.into(), item.into()).into()
}

/// Waits until one of several communications can go on, and runs its arm.
///
/// Go: the `select` statement.
///
/// | Go | goconc |
/// |---|---|
/// | `case v := <-ch: f(v)` | `v := <-ch => f(v),` |
/// | `case v, ok := <-ch: f(v, ok)` | `v, ok := <-ch => f(v, ok),` |
/// | `case <-ctx.Done(): return` | `<-ctx.done() => return,` |
/// | `case ch <- f(): g()` | `ch <- f() => g(),` |
/// | `default: g()` | `default => g(),` |
/// | `select {}` | `select! {}` |
/// | a nil channel turns a case off | a nil channel does, or a guard: `v = <-ch, if wanted => f(v),` |
///
/// # Forms
/// ```text
/// v = <-ch => f(v),             a receive; `v` is an `Option`, `None` if the channel is closed and drained
/// v := <-ch => f(v),            `v` is the value, or that of `Default` if the channel is closed and drained
/// v, ok := <-ch => f(v, ok),    the same, and which of the two it is
/// <-ch => f(),                  a receive whose value is dropped
/// ch <- value => f(),           a send; panics if it is chosen and the channel is closed
/// default => f(),               for when no other arm is ready; anywhere, at most once
/// <-ch, if ready => f(),        a guard: a condition without which the arm is never ready
/// #[cfg(unix)] <-ch => f(),     attributes
/// select! { biased; .. }        takes the first ready arm, in source order
/// select! {}                    waits for ever
/// ```
/// An arm ends with a comma, or its body is a block. There may be any number of arms. In front of `=` stands a pattern
/// that always matches, in front of `:=` there are names: `v`, `mut v` or `_`.
///
/// # What happens when
/// * First, once, and in source order: of each arm its guard, its channel and the value it sends are evaluated, even if
///   the guard says no. So `out <- rx.recv() => ..` receives before anything is waited for.
/// * Then it waits until an arm is ready. Of several ready arms one is chosen at random, each as likely as the others.
///   With a `default` nothing is waited for.
/// * Then the channels are no longer borrowed. What was not sent is dropped, and what was received is bound.
/// * Last, the body of the arm runs. Its value is the value of the `select!`. `break`, `continue`, `return` and `?` act
///   on what is around the `select!`: unlike Go's, a `break` leaves the loop.
///
/// # What it expands to
/// ```text
/// select! { v = <-a => A, v := <-b, if g => B, out <- x => C, default => D }
///
/// {
///     let mut slot0 = Slot::new(); // all of these names are in ::goconc::__private::select
///     let mut slot1 = Slot::new();
///     let chosen = try_select(&mut [
///         recv(&(a), &mut slot0).id(0),
///         when(g, recv(&(b), &mut slot1)).id(1),
///         send(&(out), &mut Slot::new(), x).id(2),
///     ]);
///     match chosen {
///         0 => { let v = slot0.take(); A }
///         1 => { let v = slot1.take_or_default(); B }
///         2 => C,
///         _ => D, // without `default` it is `select` above, and `unreachable()` here
///     }
/// }
/// ```
///
/// # Errors
/// An arm without an arrow, `=>`, body or comma; an arrow on the wrong side of the channel; a second `default` or one
/// with a guard; a pattern in front of `:=`; a pattern in front of `=` that leaves out `None`.
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}

/// How the macro that runs now was written. The tokens do not say: they are what is between the delimiters. Where there
/// is no source text, as in some editors, the answer is `Parenthesis`, which is right for all but a block of one call.
fn delimiter() -> Delimiter {
    let text = Span::call_site().source_text().unwrap_or_default();
    match text.split_once('!') {
        Some((_, inside)) if inside.trim_start().starts_with('{') => Delimiter::Brace,
        _ => Delimiter::Parenthesis,
    }
}
