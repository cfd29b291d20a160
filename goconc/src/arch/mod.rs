//! Switching stacks. The contract that a backend meets, and the only place that picks one.
//!
//! A backend provides
//! * `Context::new(base, limit, entry, arg)`: prepares `entry(arg, suspender)` to run on the stack that ends at `base`;
//! * `Context::resume(this)`: runs it until it suspends; returns on the caller's stack;
//! * `Suspender::suspend()`: called on that stack, goes back to whoever resumed it last;
//! * `stack_pointer()`: about where the caller's stack is.
//!
//! A resume may come from another thread than the last one. Nothing here reads a thread-local, and nothing unwinds
//! across a switch: `entry` never returns and catches every panic itself.

mod corosensei;

pub(crate) use self::corosensei::{Context, Entry, Never, Suspender, stack_pointer};
