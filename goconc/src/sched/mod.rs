//! The scheduler: which goroutine runs where, and when a thread sleeps.
//!
//! | file | what |
//! |---|---|
//! | `counts` | how many are idle, spin, need a P: one word |
//! | `idle` | idle Ps, parked Ms, Ms that need a P; who is woken, and the proof that no wake-up is lost |
//! | `stop` | how an M goes to sleep and wakes up |
//! | `share` | placement: what an M gives away, and what it keeps |
//! | `find` | the next goroutine for an M: its own, surplus of others, spinning, then sleep |
//! | `run` | an M's life: find, execute; birth and death of a goroutine on its stack |
//! | `direct` | the short way: from a goroutine that stops straight to the next one |
//! | `spawn` | the birth of a goroutine |
//! | `park` | park, ready, gosched, goexit: the one way to wait |
//! | `sysmon` | the watcher: takes Ps from Ms that compute or block, makes Ms, runs the migration proof |
//! | `dead` | "all goroutines are asleep - deadlock!" |
//! | `timers` | who looks after the timers |
//! | `warm` | guards and touches the stacks of goroutines to come, when there are very many and a CPU is free |
//! | `start` | starts the runtime, once |
//!
//! How a goroutine gets its thread:
//! * **Unstarted** ones are anyone's. The newest [`KEEP`](crate::queue::fresh::KEEP) stay private to the P; when others
//!   are idle, half of them is published (`shared`), in runs of neighbours, so that a burst comes out parallel while a
//!   single child stays with a parent that waits for it. The owner takes published ones back only when it has nothing
//!   else. A thief takes as many as make it equal with its victim.
//! * **Started** ones are at home on their M. Under sticky they stay. Under auto the waker's M takes the wakee, because
//!   those that wake each other talk to each other, and surplus is published like unstarted ones; each move passes
//!   `migration::may_move` on the M that takes it.
//! * Where goroutines stay long before they stop (`long_runs`), they compute rather than talk. Then under auto, too, the
//!   wakee goes home, if nobody runs there, and what would wait for the one that runs is published at once.

pub(crate) mod blocking;
pub(crate) mod counts;
pub(crate) mod dead;
mod direct;
pub(crate) mod find;
pub(crate) mod idle;
pub(crate) mod park;
pub(crate) mod run;
mod share;
pub(crate) mod spawn;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod sysmon;
pub(crate) mod timers;
mod warm;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::LazyLock;

use crossbeam_deque::{Injector, Steal};

use crate::gmp::Chain;

/// GOMAXPROCS. Written under the scheduler's lock, once the Ps below it exist.
pub(crate) static GOMAXPROCS: AtomicUsize = AtomicUsize::new(0);

/// Whether GOMAXPROCS follows affinity and cgroup quota: until somebody sets it. Under the scheduler's lock.
pub(crate) static FOLLOWS_CPUS: AtomicBool = AtomicBool::new(false);

/// GOMAXPROCS as of now.
#[inline]
pub(crate) fn gomaxprocs() -> usize {
    GOMAXPROCS.load(Ordering::Acquire) // pairs with the Release in `change_gomaxprocs`: these Ps exist
}

static GLOBAL: LazyLock<Injector<Chain>> = LazyLock::new(Injector::new);

/// The global queue: goroutines that plain threads start or wake, and those of a P that went away.
pub(crate) fn global_push(chain: Chain) {
    GLOBAL.push(chain);
}

/// Takes a chain from the global queue.
pub(crate) fn global_take() -> Option<Chain> {
    loop {
        match GLOBAL.steal() {
            Steal::Success(chain) => return Some(chain),
            Steal::Empty => return None,
            Steal::Retry => core::hint::spin_loop(),
        }
    }
}

/// How many chains there are in it, as of now.
pub(crate) fn global_len() -> usize {
    GLOBAL.len()
}

/// Whether the global queue has something, as of now.
pub(crate) fn global_is_empty() -> bool {
    GLOBAL.is_empty()
}
