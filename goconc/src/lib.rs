//! Go's concurrency for Rust: goroutines on a GMP scheduler, typed channels, and Go's packages.
//!
//! ```
//! use goconc::prelude::*;
//!
//! let squares = Chan::new();
//! for i in 1..=3 {
//!     go!([squares] squares.send(i * i));
//! }
//! let sum: i32 = (0..3).filter_map(|_| squares.recv()).sum();
//! assert_eq!(sum, 14);
//! ```
//!
//! | Go | goconc |
//! |---|---|
//! | `func main() { .. }` | `#[goroutine] fn main() { .. }` |
//! | `go f(a, b)` | `go!(f(a, b))` |
//! | `go func() { .. }()` | `go! { .. }`, `go!([ch, wg] { .. })` |
//! | `make(chan T, n)` | `Chan::with_capacity(n)` |
//! | `ch <- v`, `<-ch`, `close(ch)` | `ch.send(v)`, `ch.recv()`, `ch.close()` |
//! | `for v := range ch` | `for v in &ch` |
//! | `select { case v := <-a: .. }` | `select! { v := <-a => .. }` |
//! | `chan<- T`, `<-chan T` | `chan::Send<T>`, `Recv<T>` |
//! | `sync.WaitGroup` | `sync::WaitGroup` |
//! | `defer f(a, b)` | `defer!(f(a, b))` |
//! | `defer func() { .. }()` | `defer! { .. }` |
//! | `recover()`, `panic(v)` | `recover()`, `goconc::panic(v)` or any panic of Rust |
//!
//! Every operation works everywhere: on a goroutine it parks the goroutine, on any other thread it blocks that thread.
//!
//! # Which thread a goroutine runs on
//! Until its first instruction, any. After that, a goroutine changes threads only where that is known to be harmless: when
//! the program has no thread-locals but a few of the standard library's and ours, which [`runtime::migration`] proves at
//! start. Otherwise it stays. This is what makes a safe `go!` sound.

// Layer by layer; a file uses its own layer and those above it here. `tests/layers.rs` checks.
mod sys;

mod arch;
mod block;
mod migration;
mod queue;
mod stack;
mod timer;

mod gmp;

mod dump;
mod panics;

mod sched;

mod wait;

pub mod chan;

pub mod sync;

mod join;
mod local;
pub mod runtime;
pub mod time;

mod defer;

#[doc(hidden)]
pub mod __private;
pub mod prelude;

mod macros;

#[cfg(all(test, loom))]
mod models;

pub use chan::{Chan, Recv, Send};
pub use defer::recover::{Recovered, panic, recover};
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
pub use goconc_macros::defer;
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
pub use goconc_macros::go;
/// # Examples
/// ```
/// use goconc::{Chan, Recv, Send, go, goroutine};
///
/// #[goroutine]
/// fn worker(id: u32, jobs: Recv<u32>, results: Send<u32>) {
///     while let Some(job) = jobs.recv() {
///         results.send(job * id);
///     }
/// }
///
/// let (jobs, results) = (Chan::new(), Chan::new());
/// go!(worker(2, &jobs, &results)); // both stay usable
/// jobs.send(21);
/// assert_eq!(results.recv(), Some(42));
/// jobs.close();
/// ```
pub use goconc_macros::goroutine;
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
pub use goconc_macros::select;
pub use join::{JoinHandle, PanicError, PanicLocation, Scope, run, scope, spawn};
