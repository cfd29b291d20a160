//! Loom models: every order in which the threads of a small scene can run, and every value that the memory model lets a
//! load see. Ten seconds, and half a minute to build; a target directory of their own keeps the usual builds:
//!
//! ```text
//! CARGO_TARGET_DIR=target/loom RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 \
//!     cargo test --release -p goconc --lib models::
//! ```
//!
//! | file | what | code |
//! |---|---|---|
//! | `inbox` | push, drain, fall asleep, wake | the real `queue::inbox` |
//! | `retake` | sysmon takes a P, or gives it back | the real `gmp::retake` |
//! | `runq` | fresh ones dealt into chains, taken back or stolen | the real `queue::fresh`; chains and deque as a stand-in |
//! | `note` | a thread sleeps, with and without a deadline | mirrors `sys::note` |
//! | `park` | unlock, then leave the stack; take the node, then ready | mirrors `sched::park`, `arch::switch`, `M::take_over` |
//! | `idle` | who is woken and when an M may sleep | mirrors `sched::idle` |
//! | `keeper` | the M that looks after the timers, and who arms an earlier one | mirrors `sched::timers` |
//! | `nap` | a dump looks at the record of a goroutine that naps | mirrors `gmp::record` |
//! | `deep` | sysmon sleeps while all sleep, and only then | mirrors `sched::sysmon` |
//! | `chan` | send, receive and close with waiters | mirrors `chan::hchan` |
//! | `clock` | the channels of timers: fired, stopped, reset, freed | mirrors `chan::clock`, `timer` |
//! | `claim` | a waiter in several lists, whose sudogs stay there between waits | mirrors `wait::Claim` and `chan::select::dynamic` |
//! | `waiters` | a select of a waitable and a channel beside a plain waiter | mirrors `chan::select::waiters` |
//! | `group` | WaitGroup on Sema, and as an arm | mirrors `sync::waitgroup`, `wait::group`, `wait::sema` |
//!
//! A mirror has the same steps under the same names as the code it mirrors; who changes the code changes the mirror. What
//! only the owner may touch is a loom cell there, so that loom reports two owners at a time.
//!
//! Each model also runs with a [`Flaw`], a step left out or in the wrong place, and must fail: a model that cannot fail
//! proves nothing. For the real code that was tried by hand; the heads of `inbox` and `retake` say what and with what end.
//!
//! Loom takes a SeqCst load or store for Acquire or Release; where the proof needs more, the stand-ins have a fence.

mod chan;
mod claim;
mod clock;
mod deep;
mod group;
mod idle;
mod inbox;
mod keeper;
mod nap;
mod note;
mod park;
mod retake;
mod runq;
mod waiters;

use core::cell::UnsafeCell;

use loom::sync::{Condvar, Mutex, MutexGuard};

/// What is wrong with a mirror on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// Nothing: the code as it is.
    None,
    /// A step is left out, or comes too early or too late. Each model names its own.
    Here(&'static str),
}

impl Flaw {
    fn is(self, what: &str) -> bool {
        matches!(self, Flaw::Here(flaw) if flaw == what)
    }
}

/// Stands for a [`Note`](crate::sys::note::Note) where the note is not what is modelled.
struct Signal {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn new() -> Self {
        Signal { set: Mutex::new(false), changed: Condvar::new() }
    }

    fn sleep(&self) {
        let mut set = self.set.lock().unwrap();
        while !*set {
            set = self.changed.wait(set).unwrap();
        }
        *set = false;
    }

    fn wakeup(&self) {
        *self.set.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// Stands for `sys::spin::ByteLock`: a loom mutex that is given back by hand. (A spin lock has no end for loom.)
struct ByteLock {
    held: UnsafeCell<Option<MutexGuard<'static, ()>>>, // dropped before the mutex
    mutex: Mutex<()>,
}

impl ByteLock {
    fn new() -> Self {
        ByteLock { held: UnsafeCell::new(None), mutex: Mutex::new(()) }
    }

    fn lock(&self) {
        let guard = self.mutex.lock().unwrap();
        // SAFETY: the guard is dropped before the mutex, by `unlock` or with `self`.
        let guard = unsafe { core::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        // SAFETY: we hold the lock.
        unsafe { *self.held.get() = Some(guard) };
    }

    fn unlock(&self) {
        // SAFETY: the caller holds the lock.
        let guard = unsafe { (*self.held.get()).take() };
        drop(guard);
    }
}
