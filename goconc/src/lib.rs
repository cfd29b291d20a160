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
//! | `case <-time.After(d): ..` | `<-time::after(d) => ..` |
//! | `reflect.Select(cases)` | [`chan::Select`] |
//! | `chan<- T`, `<-chan T` | `chan::Send<T>`, `Recv<T>` |
//! | `sync.WaitGroup` | [`sync::WaitGroup`] |
//! | `time.Sleep(d)`, `time.After(d)`, `time.NewTimer(d)`, `time.NewTicker(d)` | [`time::sleep`], [`time::after`], [`time::Timer`], [`time::Ticker`] |
//! | `time.AfterFunc(d, f)` | [`time::after_func`] |
//! | `defer f(a, b)` | `defer!(f(a, b))` |
//! | `defer func() { .. }()` | `defer! { .. }` |
//! | `if r := recover(); r != nil { .. }` | `if let Some(panic) = recover() { .. }` |
//! | `panic(v)` | [`panic(v)`](panic()), or any panic of Rust |
//!
//! Every operation works everywhere: on a goroutine it parks the goroutine, on any other thread it blocks that thread.
//!
//! # Which thread a goroutine runs on
//! Until its first instruction, any. After that, a goroutine changes threads only where that is known to be harmless: when
//! the program has no thread-locals but a few of the standard library's and ours, which [`runtime::migration`] proves at
//! start. Otherwise it stays. This is what makes a safe `go!` sound.

/// The programs of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

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
///
/// ```no_run
/// use goconc::prelude::*;
///
/// #[goroutine(gomaxprocs = 2)]
/// fn main() -> Result<(), std::num::ParseIntError> {
///     let done = Chan::new();
///     go!(done.clone().send("5".parse::<i32>()?)); // `?` returns from `main`
///     println!("{:?}", done.recv());
///     Ok(())
/// }
/// ```
///
/// A receiving side cannot become a sending one:
/// ```compile_fail,E0277
/// use goconc::{Chan, Recv, Send, goroutine};
///
/// #[goroutine]
/// fn produce(out: Send<u32>) {
///     out.send(1);
/// }
///
/// let rx: Recv<u32> = Chan::new().into();
/// produce(rx);
/// ```
/// and a goroutine is no future:
/// ```compile_fail
/// #[goconc::goroutine]
/// async fn worker() {}
/// ```
pub use goconc_macros::goroutine;
pub use join::{JoinHandle, PanicError, PanicLocation, Scope, run, scope, spawn};
