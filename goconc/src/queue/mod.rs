//! Queues that know no goroutine: they hold words, and loom models run them with integers.
//!
//! | file | owner | others |
//! |---|---|---|
//! | `fresh` | pushes and pops the newest, takes the oldest half | nothing: private to whoever holds the P |
//! | `ring` | pushes, pops the oldest, takes the younger part | nothing: of an M |
//! | `bundle` | packs and unpacks it | nothing: it changes hands as a whole |
//! | `inbox` | drains, falls asleep | push, and learn whether the owner sleeps |
//!
//! Published surplus is a `crossbeam_deque`; the global queue is its `Injector`.

pub(crate) mod bundle;
pub(crate) mod fresh;
pub(crate) mod inbox;
pub(crate) mod ring;
