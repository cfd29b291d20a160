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

/// Runs a call when the enclosing block ends.
///
/// Go: the `defer` statement.
///
/// | Go | goconc |
/// |---|---|
/// | `defer f(a, b)` | `defer!(f(a, b))` |
/// | `defer mu.Unlock()` | `defer!(mu.unlock())` |
/// | `defer func() { .. }()` | `defer! { .. }` |
/// | `defer func(a int) { .. }(a)` | `defer!([a] { .. })` |
/// | `defer func() { if r := recover(); r != nil { err = f(r) } }()` | `defer! { if let Some(panic) = recover() { panic.returning(f(panic.message())) } }` |
/// | `defer fmt.Println(x)` | `defer!(println!("{x}"))` |
///
/// # Forms
/// ```text
/// defer!(f(a, &b));              a call
/// defer!(server.close());        a method call
/// defer! { statements }          a block; with braces it needs no semicolon
/// defer!(|| log("done"));        a closure without parameters
/// defer!([a, mut b] FORM);       clones of `a` and `b` are taken now and move in
/// defer!(println!("{x}"));       the text is made now (`print!`, `eprint!` and `eprintln!` too)
/// defer!(crate = my::goconc, FORM);  where goconc is, if it is not `::goconc`
/// ```
/// It is a statement: it cannot be the value of a block.
///
/// # What is evaluated when
/// * Of a call, everything but the call itself is evaluated now, once, in source order: the arguments, a receiver that is
///   the result of a call (`a.b()` in `a.b().c(x)`) or an element (`v[i]`). What moves into an argument has moved.
/// * A callee or receiver that is a variable, or a field of one, stays there until the call, which borrows it, or moves it, as
///   its method says. The compiler sees to it that nobody changes it meanwhile.
/// * Of a block or a closure nothing is evaluated now. It borrows what it names, or moves it, as its statements need it.
/// * The result is discarded, `#[must_use]` or not. `return` in a block ends the deferred call.
///
/// A block that writes to a variable has it borrowed to the end of the enclosing block. What others use in between as well is
/// a `Cell`, an atomic or behind a lock; what the function returns after a panic is given with `returning`.
///
/// # When it runs
/// At the end of the enclosing block, the last deferred first, between the destructors of the variables that were declared
/// around it: at the closing brace, by `return`, `?`, `break` or `continue`, by a panic, by `runtime::goexit`; not by
/// `std::process::exit`. **In Go it is the end of the function**: a `defer!` in the body of a loop runs in each round, and one in
/// an `if` at the end of that.
///
/// It may wait, panic, and call `runtime::goexit`.
///
/// # Panics
/// A panic in a deferred call takes the place of the one that runs it, as in Go, and never aborts the process by
/// itself. Unrecovered, all of them are printed, the oldest first:
/// ```text
/// panic: first [recovered]
///         panic: second
/// ```
/// A panic that `recover` has ended unwinds to the innermost frame: the body of a function with `#[goroutine]` that has a
/// `defer!` in it, or of a goroutine. That function returns what was given to `Recovered::returning`, else the `Default` of its
/// type; without either it panics, and says so. In Go every function is a frame: here one without the attribute is left, too.
///
/// Rust unwinds with one value from the `panic!` to whoever catches it. So a `catch_unwind` of the program's own, between
/// a deferred call and the frame, gets the first panic, also when that was recovered or replaced; and then nobody hears of
/// the other one.
///
/// # What it expands to
/// ```text
/// defer!(f(a, &b, 5));
///
/// let (arg0, arg1) = (a, &b);
/// let _deferred = ::goconc::__private::Deferred::call(|| { let _ = f(arg0, arg1, 5); });
///
/// defer!([a] { statements });
///
/// let _deferred = ::goconc::__private::Deferred::block({
///     let a = a.clone();
///     move || { let _ = (|| { statements })(); }
/// });
/// ```
/// The names cannot be seen by the program. If `recover` is among the tokens, without a path, the closure begins with
/// `use ::goconc::__private::recover;`: the name means something only inside.
///
/// # Errors
/// Something that is no call, closure or block (`defer!(x)`, `defer!(f()?)`, `defer!(async { .. })`), a closure with
/// parameters, a capture list that holds something else than names.
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
