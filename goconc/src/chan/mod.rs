//! Channels: `Chan<T>` and its two directions.
//!
//! | file | what |
//! |---|---|
//! | `hchan` | the state of one channel: a ring, two wait queues, one lock; send, receive, close |
//! | `handle` | the counted reference that all three public types hold |
//! | `ends` | [`Chan`], [`Send`], [`Recv`]: documentation and one-line methods |
//! | `iter` | `for v in &ch` |
//! | `clock` | the channels of timers |
//! | `dormant` | a goroutine without a stack that waits for its first receive |
//! | `select` | one of several operations, whichever can proceed |
//! | `err` | what a `try_` or `checked_` operation says |

mod clock;
#[doc(hidden)]
pub mod dormant;
mod ends;
mod err;
mod handle;
mod hchan;
mod iter;
#[doc(hidden)]
pub mod select;

pub use ends::{Chan, Recv, Send};
pub use err::{CloseError, SendError, TryRecvError, TrySendError};
pub use iter::{IntoIter, Iter, TryIter};
pub use select::dynamic::{Select, Selected};
pub use select::waiters::{Waitable, Waiters};
