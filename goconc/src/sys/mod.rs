//! Layer 0: the machine. Nothing in here knows what a goroutine is.
//!
//! | file | what |
//! |---|---|
//! | `atomic` | `core::sync::atomic`, or loom's: the only such switch |
//! | `altstack` | a thread's alternate signal stack |
//! | `clock` | nanoseconds since the start, a coarse clock, CPU ticks |
//! | `cpu` | how many processors this process may use (affinity, cgroup) |
//! | `env` | the environment variables, read and checked once |
//! | `fetch` | memory into the cache, ahead of its use |
//! | `futex` | wait and wake on a word |
//! | `mem` | reserve, commit, guard, discard pages |
//! | `membarrier` | the expensive half of an asymmetric fence |
//! | `note` | a one-shot sleep and wake-up of a thread |
//! | `rand` | cheap random numbers |
//! | `slab` | memory that is never given back |
//! | `spin` | the byte lock of a channel |
//! | `thread` | thread ids, whether a thread is blocked, how many there are |
//! | `throw` | `fatal error: ...` and the end of the process |

pub(crate) mod altstack;
pub(crate) mod atomic;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod env;
pub(crate) mod fetch;
pub(crate) mod futex;
pub(crate) mod mem;
pub(crate) mod membarrier;
pub(crate) mod note;
pub(crate) mod rand;
pub(crate) mod slab;
pub(crate) mod soon;
pub(crate) mod spin;
pub(crate) mod thread;
pub(crate) mod throw;

/// Lets another thread run (or lets loom try another schedule).
pub(crate) fn thread_yield() {
    #[cfg(not(loom))]
    std::thread::yield_now();
    #[cfg(loom)]
    loom::thread::yield_now();
}
