//! Waiting: who waits, in which list, and how it is woken. Goroutines and plain threads alike.
//!
//! Stacks do not move and are not freed while their goroutine is parked, so a [`Sudog`] is a local of the parked frame
//! and holds a pointer to the value slot beside it: no pool, no allocation.

pub(crate) mod group;
pub(crate) mod sema;
pub(crate) mod waitq;

use core::cell::Cell;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::gmp::{Commit, G, M, WaitReason, g};
use crate::queue::inbox::Node;
use crate::sched::{counts, dead, idle, park, start, timers};
use crate::sys::note::Note;
use crate::sys::spin::ByteLock;
use crate::timer::Firing;

/// Marks an `item` that is a plain thread's [`Note`] and not a goroutine.
const THREAD: usize = 1;

/// Whoever calls: a goroutine, or a plain thread with a note to sleep on.
pub(crate) enum Who {
    /// Parks.
    Goroutine(&'static G),
    /// Blocks.
    Thread(Note),
}

impl Who {
    /// The caller.
    #[inline(always)]
    pub(crate) fn current() -> Who {
        g::current().map_or_else(Who::plain_thread, Who::Goroutine)
    }

    #[cold]
    fn plain_thread() -> Who {
        start::start();
        Who::Thread(Note::new())
    }

    /// Waits until [`Sudog::wake`] is called for one of the caller's sudogs. `lock` is held, and given back once the caller
    /// cannot miss that any more. Always inlined: see [`G::switch`].
    #[inline(always)]
    pub(crate) fn wait(&self, lock: &ByteLock, reason: WaitReason, at: &'static Location<'static>) {
        match self {
            Who::Goroutine(g) => park::park(g, Commit::Unlock(NonNull::from(lock)), reason, at),
            Who::Thread(note) => {
                // SAFETY: the caller holds it and leaves it to us.
                unsafe { ByteLock::unlock(lock) };
                block_thread(note);
            }
        }
    }

    /// As [`wait`](Self::wait), for a waiter that holds several locks: `unlock(arg)` gives them back, and touches nothing of
    /// the waiter's after the last of them.
    #[inline(always)]
    pub(crate) fn wait_with(
        &self,
        unlock: fn(usize),
        arg: usize,
        reason: WaitReason,
        at: &'static Location<'static>,
    ) {
        match self {
            Who::Goroutine(g) => park::park(g, Commit::Call(unlock, arg), reason, at),
            Who::Thread(note) => {
                unlock(arg);
                block_thread(note);
            }
        }
    }

    /// Waits for ever.
    #[cold]
    pub(crate) fn wait_for_ever(reason: WaitReason, at: &'static Location<'static>) -> ! {
        let who = Who::current();
        loop {
            match &who {
                Who::Goroutine(g) => park::park(g, Commit::Nothing, reason, at),
                Who::Thread(note) => block_thread(note),
            }
        }
    }

    /// Ends the goroutine here if it should have ended already. For callers without a lock, before they wait.
    #[inline(always)]
    pub(crate) fn must_exit(&self) -> bool {
        matches!(self, Who::Goroutine(g) if g.goexiting.get() && !std::thread::panicking())
    }
}

/// Blocks a plain thread until its note is set. While it is blocked it cannot wake anybody: that counts for the deadlock
/// report.
#[cold]
fn block_thread(note: &Note) {
    idle::lock().blocked_threads += 1;
    if counts::Counts::glance().idle() == crate::sched::gomaxprocs() as u64 {
        dead::check();
    }
    note.sleep();
}

/// One waiter in one list. Lives on the waiter's stack.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Sudog {
    node: Node,
    home: Option<&'static M>,
    next: Cell<Option<NonNull<Sudog>>>,
    prev: Cell<Option<NonNull<Sudog>>>,
    /// The slot that a value is written to or read from.
    elem: Cell<*mut ()>,
    /// For a waiter in several lists at once: who takes it off one of them claims it first.
    claim: Cell<Option<NonNull<Claim>>>,
    /// Whether the wait ended with what was waited for (and not because a channel was closed).
    success: Cell<bool>,
    /// Whether it is in its list. Guarded by the list's lock.
    queued: Cell<bool>,
}

/// What the sudogs of one waiter share that is in several lists: the first waker gets it, the others go on to the next.
#[derive(Debug)]
pub(crate) struct Claim {
    taken: AtomicBool,
    /// The sudog through which it was woken. Written by the waker that has claimed, read by the waiter once it is awake.
    winner: Cell<Option<NonNull<Sudog>>>,
}

// SAFETY: `winner` is written by the one that has won `taken`, and read by the waiter after it was woken by that one.
unsafe impl Sync for Claim {}

impl Claim {
    /// Nobody's yet.
    pub(crate) const fn new() -> Claim {
        Claim { taken: AtomicBool::new(false), winner: Cell::new(None) }
    }

    /// The sudog through which the waiter was woken.
    pub(crate) fn winner(&self) -> Option<NonNull<Sudog>> {
        self.winner.get()
    }
}

impl Sudog {
    /// For a wait of `who`, with a slot for the value. Both must outlive the wait.
    #[inline(always)]
    pub(crate) fn new(who: &Who, elem: *mut ()) -> Sudog {
        let (item, home) = match who {
            Who::Goroutine(g) => (core::ptr::from_ref(*g) as usize, Some(g.m())),
            Who::Thread(note) => (core::ptr::from_ref(note) as usize | THREAD, None),
        };
        Sudog {
            node: Node::new(item),
            home,
            next: Cell::new(None),
            prev: Cell::new(None),
            elem: Cell::new(elem),
            claim: Cell::new(None),
            success: Cell::new(false),
            queued: Cell::new(false),
        }
    }

    /// Makes it one of several of its waiter. The claim must outlive the wait.
    pub(crate) fn share(&self, claim: &Claim) {
        self.claim.set(Some(NonNull::from(claim)));
    }

    /// Whether the waiter is the caller's now: no other waker has been quicker. Once, by who has taken it off its list.
    #[inline]
    fn claim(&self) -> bool {
        match self.claim.get() {
            None => true,
            Some(claim) => self.claim_slow(claim),
        }
    }

    fn claim_slow(&self, claim: NonNull<Claim>) -> bool {
        // SAFETY: the waiter does not go on before it has taken all its sudogs off their lists, and this one was in its list
        // under the lock that we still hold.
        let claim = unsafe { claim.as_ref() };
        // Relaxed: the winner's wake-up orders everything for the waiter; losers touch nothing.
        if claim.taken.swap(true, Ordering::Relaxed) {
            return false;
        }
        claim.winner.set(Some(NonNull::from(self)));
        true
    }

    /// The slot, as a place for a `T`.
    pub(crate) fn elem<T>(&self) -> *mut T {
        self.elem.get().cast()
    }

    /// Says how the wait ended. Before [`wake`](Self::wake).
    pub(crate) fn set_success(&self, success: bool) {
        self.success.set(success);
    }

    /// How the wait ended. By the waiter, once it is awake.
    pub(crate) fn success(&self) -> bool {
        self.success.get()
    }

    /// Wakes the waiter. Without any lock held. Nothing of the sudog may be read afterwards.
    ///
    /// # Safety
    /// * `this` was taken off the list it was in by the caller, under that list's lock.
    #[inline]
    pub(crate) unsafe fn wake(this: NonNull<Sudog>) {
        // SAFETY: off its list, so it is ours to wake; `node` is the first field.
        let ready = |home| unsafe { park::ready(this.cast::<Node>(), home) };
        // SAFETY: by contract.
        unsafe { Self::wake_by(this, ready) };
    }

    /// As [`wake`](Self::wake), for a timer that fires.
    ///
    /// # Safety
    /// * As [`wake`](Self::wake).
    pub(crate) unsafe fn wake_due(this: NonNull<Sudog>, firing: Firing) {
        // SAFETY: as in `wake`.
        let ready = |home| unsafe { timers::ready_due(firing, this.cast::<Node>(), home) };
        // SAFETY: by contract.
        unsafe { Self::wake_by(this, ready) };
    }

    /// # Safety
    /// * As [`wake`](Self::wake).
    #[inline(always)]
    unsafe fn wake_by(this: NonNull<Sudog>, ready: impl FnOnce(&'static M)) {
        // SAFETY: the waiter waits until it is woken, which happens below.
        let sudog = unsafe { this.as_ref() };
        let (item, home) = (sudog.node.item(), sudog.home);
        match home {
            Some(home) => ready(home),
            None => wake_thread((item & !THREAD) as *const Note),
        }
    }
}

#[cold]
fn wake_thread(note: *const Note) {
    idle::lock().blocked_threads -= 1;
    // SAFETY: the thread sleeps on this note until it is set.
    unsafe { Note::wakeup(note) };
}
