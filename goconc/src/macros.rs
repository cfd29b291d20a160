//! The macros that are called like a function. Those with a syntax of their own are wrappers, which pass `$crate` to a
//! procedural macro in `goconc-macros`: so they work under whatever name a program knows goconc.

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
/// type, or, if that is a `Result<T, E>`, `Ok` with the `Default` of `T`, as Go returns a zero value and no error; without any of
/// them it panics, and says so. In Go every function is a frame: here one without the attribute is left, too.
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
/// let _deferred = $crate::__private::Deferred::call(|| { let _ = f(arg0, arg1, 5); });
///
/// defer!([a] { statements });
///
/// let _deferred = $crate::__private::Deferred::block({
///     let a = a.clone(); // or what `[a]` means for `go!`
///     move || { let _ = (|| { statements })(); }
/// });
/// ```
/// The names cannot be seen by the program. If `recover` is among the tokens, without a path, the closure begins with
/// `use $crate::__private::recover;`: the name means something only inside.
///
/// # Errors
/// Something that is no call, closure or block (`defer!(x)`, `defer!(f()?)`, `defer!(async { .. })`), a closure with
/// parameters, a capture list that holds something else than names.
///
/// # Examples
/// ```
/// use goconc::defer;
/// use std::cell::RefCell;
///
/// let order = RefCell::new(Vec::new());
/// {
///     defer! { order.borrow_mut().push("first deferred") }
///     for text in ["in the loop", "again"] {
///         defer! { order.borrow_mut().push(text) }
///     }
///     defer!([order] { assert_eq!(order.borrow().len(), 2) }); // a clone of it, as of here
///     order.borrow_mut().push("end of the block");
/// }
/// assert_eq!(order.into_inner(), ["in the loop", "again", "end of the block", "first deferred"]);
/// ```
///
/// ```
/// use goconc::prelude::*;
///
/// #[goroutine]
/// fn careful(f: impl FnOnce() -> i32) -> Result<i32, String> {
///     defer! {
///         if let Some(panic) = recover() {
///             panic.returning(Err::<i32, String>(format!("f: {panic}")));
///         }
///     }
///     Ok(f())
/// }
///
/// assert_eq!(careful(|| 5), Ok(5));
/// assert_eq!(careful(|| panic!("no")), Err("f: no".to_owned()));
/// ```
#[macro_export]
macro_rules! defer {
    ($($tokens:tt)*) => {
        $crate::__private::defer! { ($crate) $($tokens)* }
    };
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
///   receives in the caller. `go!({ .. })` is a block everywhere: write that for a single call in a `macro_rules!` that
///   passes on what it was given, and where the source is not a file, as in documentation tests before edition 2024. Whose
///   braces are meant, or which they are, cannot be told there.
/// * A macro call such as `go!(println!("{x}"))`, a loop, an `if` or a `match` is a block of one expression.
/// * The result is discarded, `#[must_use]` or not. [`spawn`](crate::spawn) is the form with a result.
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
/// * The names of a capture list are cloned by `.clone()`, references by what is behind them. `[mut n]` makes the clone
///   mutable. (In parentheses, `rustfmt` takes `go!([n] *n += 1)` for a product: write a block.)
///
/// # A goroutine that begins with a wait
/// ```text
/// go!([wg] {
///     let start = time::now();             // numbers, durations and moments, `println!` of variables, counters
///     println!("{id} begins");
///     time::sleep(10 * time::SECOND);      // written like this
///     println!("{id} {:?}", time::since(start));
///     wg.done();
/// });
/// go!([jobs] {
///     let job = jobs.recv();               // of a `Chan` or `Recv`, written like this
///     ..
/// });
/// ```
/// Such a block or closure is two closures, and while the goroutine waits for the first time it has no stack: some hundred bytes instead of
/// a page and a guard. It is the same program, only that more of them fit into memory: the goroutine has the same number, name and
/// place in dumps, and its variables are dropped when the block ends. Where one of them is not `Send`, or the goroutine has locked
/// its thread or has goroutine-locals by then, it waits on its stack as any other; and where anything else stands before the wait
/// (what it might leave behind on the thread, nobody knows).
///
/// # What it expands to
/// ```text
/// go!(name = "w", [ch] worker(id, &ch));
///
/// { // `$crate` is goconc, under whatever name the program knows it
///     let options = $crate::__private::Options::new().name("w");
///     let ch = ch.clone(); // in words that explain what cannot be cloned
///     match (id, &ch) {
///         (arg0, arg1) => {
///             if false { worker(arg0, arg1); }         // tells the types of the arguments
///             let (arg0, arg1) = (arg0, arg1.clone()); // which of them are cloned is found by their types
///             $crate::__private::go_with(options, move || { let _ = worker(arg0, &arg1); });
///         }
///     }
/// }
/// ```
///
/// # Errors
/// Something that is no call, closure or block (`go!(x)`, `go!(f()?)`, `go!(f().await)`), a closure with parameters, a
/// capture list that holds something else than names, an unknown option, a stack size that is none. What moves must be
/// `Send + 'static`: a goroutine may outlive its caller, and runs beside it. So the data races of Go are errors too:
/// ```compile_fail,E0373
/// let mut counter = 0;
/// let mut add = || counter += 1;
/// goconc::go!(add());
/// println!("{counter}");
/// ```
/// ```compile_fail,E0277
/// let shared = std::rc::Rc::new(5);
/// goconc::go! { println!("{shared}") }
/// ```
/// A value that is no call runs nothing:
/// ```compile_fail
/// goconc::go!(5);
/// ```
///
/// # Examples
/// ```
/// use goconc::{Chan, go};
///
/// let ch = Chan::new();
/// let n = 1;
/// go!(name = "counter", stack_size = "64 KiB", [ch, mut n] { n += 1; ch.send(n); });
/// assert_eq!((ch.recv(), n), (Some(2), 1));
/// go!([ch] || ch.send(7));
/// assert_eq!(ch.recv(), Some(7));
/// go!((|i: i32, ch: &Chan<i32>| ch.send(i))(3, &ch)); // go func(i int, ch chan int) { .. }(3, ch)
/// assert_eq!(ch.recv(), Some(3));
/// ```
#[macro_export]
macro_rules! go {
    ($($tokens:tt)*) => {
        $crate::__private::go! { ($crate) $($tokens)* }
    };
}

/// Declares goroutine-locals, in the syntax of [`std::thread_local!`].
///
/// Go has none; this is what a thread-local of a library becomes when it moves to goroutines. A key has the methods of
/// [`std::thread::LocalKey`]: `with`, and `get`, `set`, `take`, `replace` of a `Cell` or `RefCell`. Each goroutine makes its
/// value when it first asks, and drops it when it ends; a plain thread has one too.
///
/// # What it expands to
/// ```text
/// static TRAIL: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
///
/// static TRAIL: LocalKey<RefCell<Vec<&'static str>>> = LocalKey::new(|| RefCell::new(Vec::new()));
/// ```
/// Attributes and visibility stay. `const { .. }` is accepted, as `thread_local!` does, and changes nothing.
///
/// # Errors
/// `static mut`: a value is changed through a `Cell` or a `RefCell`. A reference to it cannot leave `with`:
/// ```compile_fail
/// goconc::goroutine_local! { static NAME: String = String::from("main"); }
///
/// let name: &'static String = NAME.with(|name| name);
/// ```
///
/// # Examples
/// ```
/// use std::cell::RefCell;
///
/// goconc::goroutine_local! {
///     static TRAIL: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
/// }
///
/// TRAIL.with_borrow_mut(|trail| trail.push("here"));
/// assert_eq!(TRAIL.with_borrow(Vec::len), 1);
/// assert_eq!(goconc::run(|| TRAIL.with_borrow(Vec::len)), 0);
/// ```
#[macro_export]
macro_rules! goroutine_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static mut $($rest:tt)*) => {
        ::core::compile_error! {
            "a goroutine-local is not `mut`: use a `Cell` or a `RefCell`, `static N: Cell<u32> = Cell::new(0);`"
        }
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const $init:block $(; $($rest:tt)*)?) => {
        $crate::goroutine_local! { $(#[$attr])* $vis static $name: $t = $init; $($($rest)*)? }
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr $(; $($rest:tt)*)?) => {
        $(#[$attr])*
        $vis static $name: $crate::__private::LocalKey<$t> = $crate::__private::LocalKey::new(|| $init);
        $($crate::goroutine_local! { $($rest)* })?
    };
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
/// An arm ends with a comma, or its body is a block. There may be any number of arms; the compiler takes seconds for a thousand
/// of them, and [`chan::Select`](crate::chan::Select) is for more, or for a number that is not known. In front of `=` stands a
/// pattern that always matches, in front of `:=` there are names: `v`, `mut v` or `_`.
///
/// `:=` needs a zero value: a `Default`. `Instant` has none, but `t := <-ticker.c` is fine: the zero `Instant` is long ago.
///
/// What is received from is a channel, of a timer too, or anything else that is [`Waitable`](crate::chan::Waitable), as a
/// [`JoinHandle`](crate::JoinHandle): `v` is what that gives then, and no `Option`. A reference or an `Arc` will do.
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
///     let mut slot0 = Slot::new(); // all of these names are in $crate::__private::select
///     let mut slot1 = Slot::new();
///     let chosen = try_select(&mut [
///         recv(&a, &mut slot0).id(0),
///         when(g, recv(&b, &mut slot1)).id(1),
///         send(&out, &mut Temporary::new(), x).id(2),
///     ]);
///     match chosen {
///         0 => { let v = slot0.take(); A }
///         1 => { let v = slot1.take_or_default(); B }
///         2 => C,
///         _ => D, // without `default` it is `select` above, and `unreachable()` here
///     }
/// }
/// ```
/// A single arm, alone or with a `default`, is the plain operation: `recv`, `send`, `try_recv` or `try_send`.
///
/// # Errors
/// An arm without an arrow, `=>`, body or comma; an arrow on the wrong side of the channel; a second `default` or one
/// with a guard; a pattern in front of `:=`; a pattern in front of `=` that leaves out `None`.
///
/// # Examples
/// ```
/// use goconc::{Chan, go, select};
///
/// let (numbers, quit, seen) = (Chan::new(), Chan::<()>::new(), Chan::with_capacity(10));
/// go!([numbers, quit, seen] {
///     for _ in 0..10 {
///         seen.send(numbers.recv().unwrap());
///     }
///     quit.close();
/// });
/// let (mut x, mut y) = (0, 1);
/// loop {
///     select! {
///         numbers <- x => (x, y) = (y, x + y),
///         <-quit => break,
///     }
/// }
/// seen.close();
/// assert_eq!(seen.iter().collect::<Vec<i32>>(), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
/// ```
///
/// ```
/// use goconc::{Chan, select};
///
/// let ch = Chan::with_capacity(1);
/// let poll = || select! { v = <-ch => v, default => Some(-1) };
/// assert_eq!(poll(), Some(-1));
/// ch.send(5);
/// assert_eq!(poll(), Some(5));
/// ch.close();
/// assert_eq!(poll(), None);
/// assert_eq!(select! { v, ok := <-ch => (v, ok) }, (0, false));
/// assert_eq!(select! { v := <-ch => v }, 0);
/// ```
#[macro_export]
macro_rules! select {
    ($($tokens:tt)*) => {
        $crate::__private::select! { ($crate) $($tokens)* }
    };
}
