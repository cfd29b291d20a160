//! Waiting: who waits, in which list, and how it is woken. Goroutines and plain threads alike.
//!
//! Stacks do not move and are not freed while their goroutine is parked, so a [`Sudog`] is a local of the parked frame
//! and holds a pointer to the value slot beside it: no pool, no allocation. Only that of a goroutine without a stack is elsewhere
//! (`chan::dormant`).

pub(crate) mod group;
pub(crate) mod sema;
pub(crate) mod waitq;

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::gmp::{Commit, G, How, M, Record, WaitReason, g, here};
use crate::queue::inbox::Node;
use crate::sched::park::Stopped;
use crate::sched::{counts, dead, idle, park, spawn, start, timers};
use crate::sys::note::Note;
use crate::sys::spin::ByteLock;
use crate::timer::Firing;
use crate::wait::waitq::WaitQ;

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

    /// For a [`Node`]: what to wake, and where.
    #[inline(always)]
    fn address(&self) -> (usize, Option<&'static M>) {
        match self {
            Who::Goroutine(g) => (core::ptr::from_ref(*g) as usize, Some(g.m())),
            Who::Thread(note) => (core::ptr::from_ref(note) as usize | THREAD, None),
        }
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

/// Puts the caller into `queue`, says that it stops, and gives `lock` back. What is left is to [go](Stopped::go); `None`: nothing,
/// the wait is over already, as it always is on a plain thread. One function for all channels, and all of it but the switch.
///
/// A goroutine that should have ended ends here, instead of waiting.
///
/// # Safety
/// * The caller holds `lock`, which guards `queue`, and leaves it to us.
/// * `sudog`, which is written here, and `elem`, the slot for the value, stay where they are until the wait is over.
/// * `how` is the answer of [`park::how_it_stops`], just now.
#[inline(never)] // as it asks `here`
pub(crate) unsafe fn begin(
    queue: &WaitQ,
    lock: &ByteLock,
    sudog: &mut MaybeUninit<Sudog>,
    elem: *mut (),
    how: How,
    at: &'static Location<'static>,
) -> Option<Stopped> {
    let near = |g: &G| g.is_near(sudog.as_ptr().addr()) && !g.goexiting.get();
    match here::m() {
        // SAFETY: by contract.
        Some(m) if near(m.current()) => unsafe { begin_on(m, queue, lock, sudog, elem, how, at) },
        // SAFETY: by contract.
        m => unsafe { begin_otherwise(m, queue, lock, sudog, elem, how, at) },
    }
}

/// # Safety
/// * As [`begin`], on this M.
#[inline(always)]
unsafe fn begin_on(
    m: &'static M,
    queue: &WaitQ,
    lock: &ByteLock,
    sudog: &mut MaybeUninit<Sudog>,
    elem: *mut (),
    how: How,
    at: &'static Location<'static>,
) -> Option<Stopped> {
    let g = m.current();
    let sudog = sudog.write(Sudog::blank(core::ptr::from_ref(g) as usize, Some(m), elem, None));
    // SAFETY: locked, and it stays where it is.
    unsafe { queue.push(sudog) };
    // SAFETY: by contract.
    unsafe { park::stop_and_unlock(m, g, NonNull::from(lock), how, at) }
}

/// [`begin`] for a goroutine that should have ended, or that is deep in a large stack or on a foreign one, and for plain threads.
///
/// # Safety
/// * As [`begin`].
#[cold]
#[inline(never)]
unsafe fn begin_otherwise(
    m: Option<&'static M>,
    queue: &WaitQ,
    lock: &ByteLock,
    sudog: &mut MaybeUninit<Sudog>,
    elem: *mut (),
    how: How,
    at: &'static Location<'static>,
) -> Option<Stopped> {
    let Some(m) = m.filter(|m| m.current().is_on(sudog.as_ptr().addr())) else {
        // SAFETY: by contract.
        return unsafe { begin_on_thread(queue, lock, sudog, elem) };
    };
    if m.current().goexiting.get() && !std::thread::panicking() {
        // SAFETY: by contract.
        unsafe { ByteLock::unlock(lock) };
        park::goexit(m.current());
    }
    // SAFETY: by contract.
    unsafe { begin_on(m, queue, lock, sudog, elem, how, at) }
}

/// # Safety
/// * As [`begin`].
unsafe fn begin_on_thread(
    queue: &WaitQ,
    lock: &ByteLock,
    sudog: &mut MaybeUninit<Sudog>,
    elem: *mut (),
) -> Option<Stopped> {
    let who = Who::plain_thread();
    let sudog = sudog.write(Sudog::new(&who, elem));
    // SAFETY: locked, and it stays where it is.
    unsafe { queue.push(sudog) };
    // SAFETY: by contract.
    unsafe { ByteLock::unlock(lock) };
    if let Who::Thread(note) = &who {
        block_thread(note);
    }
    None
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

/// One waiter in one list. Lives on the waiter's stack, if it has one.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Sudog {
    node: Node,
    home: Cell<Option<&'static M>>,
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
    /// Whether it, or one that was before it in the list when it came, has a claim. As `queued`.
    mixed: Cell<bool>,
}

/// What the sudogs of one waiter share that is in several lists: the first waker gets it, the others go on to the next.
///
/// It is open while its waiter waits, and closed otherwise. Who takes a sudog of a closed one off a list leaves it with the
/// claim as *missed*. So the sudogs may stay in their lists when the wait is over: none of them can be woken, and of each that
/// is gone from its list the waiter learns before it waits again, because a claim with a missed one does not open.
#[derive(Debug)]
pub(crate) struct Claim {
    /// `OPEN`; `CLOSED`; or closed, and the address of the sudog that was missed last. Its `next` is the one before.
    state: AtomicUsize,
    /// The sudog through which it was woken. Written by the waker that has claimed, read by the waiter once it is awake.
    winner: Cell<Option<NonNull<Sudog>>>,
    /// The waiter, for its sudogs: set before it opens, read by the waker that has claimed.
    item: Cell<usize>,
    home: Cell<Option<&'static M>>,
}

const CLOSED: usize = 0;
const OPEN: usize = 1;

// SAFETY: `winner` is written by the one that has closed `state`, and read by the waiter after it was woken by that one; the
// other cells are written by the waiter while it is closed.
unsafe impl Sync for Claim {}

impl Claim {
    /// Closed, and nobody's yet.
    pub(crate) const fn new() -> Claim {
        Claim {
            state: AtomicUsize::new(CLOSED),
            winner: Cell::new(None),
            item: Cell::new(0),
            home: Cell::new(None),
        }
    }

    /// Says who waits. By the waiter, while it is closed.
    pub(crate) fn set_waiter(&self, who: &Who) {
        let (item, home) = who.address();
        self.item.set(item);
        self.home.set(home);
        self.winner.set(None);
    }

    /// Opens it: from here a waker may claim it. False: a sudog was missed, so one of the lists has changed.
    pub(crate) fn open(&self) -> bool {
        // Release: pairs with the Acquire in `claim`: the waker finds who waits. Relaxed on failure: `take_missed` acquires.
        self.state.compare_exchange(CLOSED, OPEN, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Whether a sudog was missed and not yet taken. By the waiter, while it is closed.
    pub(crate) fn has_missed(&self) -> bool {
        self.state.load(Ordering::Acquire) != CLOSED // pairs with the Release in `claim`
    }

    /// Calls `f` for every sudog that was missed. By the waiter, while it is closed.
    pub(crate) fn take_missed(&self, mut f: impl FnMut(NonNull<Sudog>)) {
        // Acquire: pairs with the Release in `claim`: the links are there.
        let mut missed = NonNull::new(self.state.swap(CLOSED, Ordering::Acquire) as *mut Sudog);
        while let Some(sudog) = missed {
            // SAFETY: a sudog of this claim, which is ours and in no list any more.
            missed = unsafe { sudog.as_ref() }.next.get();
            f(sudog);
        }
    }

    /// The sudog through which the waiter was woken; `None`: by no list.
    pub(crate) fn winner(&self) -> Option<NonNull<Sudog>> {
        self.winner.get()
    }
}

impl Sudog {
    /// For a wait of `who`, with a slot for the value. Both must outlive the wait.
    #[inline(always)]
    pub(crate) fn new(who: &Who, elem: *mut ()) -> Sudog {
        let (item, home) = who.address();
        Sudog::blank(item, home, elem, None)
    }

    /// For one of several lists in which the waiter of `claim` is, with a slot for the value. Both must outlive its time in
    /// the list.
    #[inline(always)]
    pub(crate) fn of(claim: NonNull<Claim>, elem: *mut ()) -> Sudog {
        Sudog::blank(0, None, elem, Some(claim))
    }

    /// For a goroutine that has no stack while it waits, with a slot for the value.
    pub(crate) fn of_record(record: NonNull<Record>, elem: *mut ()) -> Sudog {
        Sudog::blank(record.as_ptr() as usize, None, elem, None)
    }

    #[inline(always)]
    fn blank(item: usize, home: Option<&'static M>, elem: *mut (), claim: Option<NonNull<Claim>>) -> Sudog {
        Sudog {
            node: Node::new(item),
            home: Cell::new(home),
            next: Cell::new(None),
            prev: Cell::new(None),
            elem: Cell::new(elem),
            claim: Cell::new(claim),
            success: Cell::new(false),
            queued: Cell::new(false),
            mixed: Cell::new(false),
        }
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
        // SAFETY: a claim outlives the time of its sudogs in their lists, and this one was in its list under the lock that
        // we still hold.
        let claim = unsafe { claim.as_ref() };
        let mut state = claim.state.load(Ordering::Relaxed); // a guess for the exchange below
        loop {
            let next = if state == OPEN {
                CLOSED
            } else {
                self.next.set(NonNull::new(state as *mut Sudog));
                core::ptr::from_ref(self) as usize
            };
            // AcqRel: Acquire pairs with the Release in `open`, Release with the Acquire in `take_missed`.
            match claim.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(OPEN) => break,
                Ok(_) => return false,
                Err(now) => state = now,
            }
        }
        claim.winner.set(Some(NonNull::from(self)));
        self.node.set_item(claim.item.get());
        self.home.set(claim.home.get());
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

    /// As [`wake`](Self::wake), for a sender whose value was taken. It goes behind those that have got something: else a sender runs
    /// ahead of those that work at what was sent, and in a chain of goroutines, each of which sends to the next, all would be full.
    ///
    /// # Safety
    /// * As [`wake`](Self::wake).
    #[inline]
    pub(crate) unsafe fn wake_sender(this: NonNull<Sudog>) {
        // SAFETY: as in `wake`.
        let ready = |home| unsafe { park::ready_behind(this.cast::<Node>(), home) };
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
        let (item, home) = (sudog.node.item(), sudog.home.get());
        match home {
            Some(home) => ready(home),
            None => wake_other(item),
        }
    }
}

/// Wakes what is at home on no M: a plain thread, or a goroutine without a stack.
#[cold]
fn wake_other(item: usize) {
    if item & THREAD != 0 {
        wake_thread((item & !THREAD) as *const Note);
    } else {
        // SAFETY: the address of a record: see `Sudog::of_record`.
        let record = unsafe { NonNull::new_unchecked(item as *mut Record) };
        // SAFETY: it waits until it is woken, which is done once.
        unsafe { spawn::ready_napped(record) };
    }
}

#[cold]
fn wake_thread(note: *const Note) {
    idle::lock().blocked_threads -= 1;
    // SAFETY: the thread sleeps on this note until it is set.
    unsafe { Note::wakeup(note) };
}
