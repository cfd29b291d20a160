//! The macros by example; the procedural ones are in `goconc-macros`.

/// Declares goroutine-locals, in the syntax of [`std::thread_local!`].
///
/// Go has none; this is what a thread-local of a library becomes when it moves to goroutines.
///
/// # Examples
/// ```
/// use std::cell::RefCell;
///
/// goconc::goroutine_local! {
///     static TRAIL: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
/// }
///
/// TRAIL.with(|trail| trail.borrow_mut().push("here"));
/// assert_eq!(TRAIL.with(|trail| trail.borrow().len()), 1);
/// ```
#[macro_export]
macro_rules! goroutine_local {
    () => {};
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
