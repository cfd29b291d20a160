//! Clock channels: those of timers and tickers. The sender is the clock.
//!
//! Nothing is ever sent into one. It has a deadline, under its lock; a receive that finds the deadline passed takes that moment
//! as its value and moves the deadline on: to never, or to the next tick that lies ahead, in phase. So what Go promises holds
//! by construction: `len` and `cap` are 0, no stale value is received after a stop or a reset, the value is the moment of expiry
//! however late it is read, a slow reader misses ticks and finds one at most, and a timer that nobody waits for costs nothing:
//! it is in no heap.
//!
//! Only while a receiver waits, the timer is armed in a heap; when it fires, it gives the moment to the first waiter, under the
//! channel's lock. The waiter that goes last (a select that took another arm) takes the timer off. One that is served by a
//! firing which a reset overtook may leave it there.
//!
//! The heap holds no reference. When the timer is due, `due` tries to take one, which fails if the last one is gone; then
//! `destroy` is on its way to take the node off, and waits for the heap's lock until `due` is over.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::block;
use crate::chan::hchan::{Hchan, give_block, take_block};
use crate::gmp::g;
use crate::sched::timers::{self, Armed};
use crate::sys::clock;
use crate::sys::soon::soon;
use crate::timer::{Firing, NEVER, Node, Ops, Timers};
use crate::wait::Sudog;

/// What a clock channel has besides. It is guarded by the channel's lock.
#[repr(C)]
pub(super) struct Clock {
    node: Node,
    chan: NonNull<Hchan<Instant>>,
    /// When it is due; NEVER: stopped, or received. The one field that others may look at. Relaxed throughout: written under the
    /// lock, and who looks without it learns of a moment only.
    when: AtomicU64,
    /// Nanoseconds between two ticks; zero: there is only one.
    period: Cell<u64>,
}

static OPS: Ops = Ops { due, prepare: |_| (), fire };

/// The deadline `delay` from now. Centuries saturate: never a short wait. Without a delay it is over at once.
#[inline]
pub(super) fn deadline(delay: u64) -> u64 {
    if delay == 0 {
        return clock::nanos();
    }
    soon().saturating_add(delay).min(NEVER - 1)
}

impl Clock {
    /// For a channel that has none yet.
    pub(super) fn make(chan: NonNull<Hchan<Instant>>, when: u64, period: u64) -> NonNull<Clock> {
        const { assert!(size_of::<Clock>() <= block::SIZE) };
        let this = take_block().cast::<Clock>();
        let clock =
            Clock { node: Node::new(&OPS), chan, when: AtomicU64::new(when), period: Cell::new(period) };
        // SAFETY: a free block is large enough and aligned to a cache line.
        unsafe { this.write(clock) };
        this
    }

    /// # Safety
    /// * Nobody else knows the channel any more.
    pub(super) unsafe fn destroy(this: NonNull<Clock>) {
        // SAFETY: still alive.
        let clock = unsafe { this.as_ref() };
        // SAFETY: we are alone but for the heap, off which this takes it; and nobody is in `due` afterwards.
        unsafe { clock.node.disarm() };
        // SAFETY: made by `make` from a block, and used by nobody any more.
        unsafe { give_block(this.cast()) };
    }

    /// The moment of expiry, if that has come. Locked.
    pub(super) fn take(&self) -> Option<Instant> {
        let when = self.when.load(Relaxed);
        if when == NEVER {
            return None;
        }
        let now = clock::nanos();
        (when <= now).then(|| self.advance(now))
    }

    /// Whether it is not due. Needs no lock.
    pub(super) fn seems_early(&self) -> bool {
        let when = self.when.load(Relaxed);
        when == NEVER || when > soon() || when > clock::nanos()
    }

    /// Moves the deadline on and returns the one that has passed. Locked.
    fn advance(&self, now: u64) -> Instant {
        let (when, period) = (self.when.load(Relaxed), self.period.get());
        let next = match (now - when).checked_div(period) {
            Some(missed) => when.saturating_add(period.saturating_mul(missed + 1)).min(NEVER - 1),
            None => NEVER,
        };
        self.when.store(next, Relaxed);
        clock::instant(when)
    }

    /// The first receiver is about to wait. Locked.
    pub(super) fn waits_begin(this: NonNull<Clock>) {
        let Some(armed) = Self::arm(this, timers::here()) else { return };
        match g::current() {
            Some(g) => armed.leave_to(g.m()),
            None => armed.announce(), // the thread just sleeps
        }
    }

    /// No receiver waits any more. Locked.
    pub(super) fn waits_end(&self) {
        // SAFETY: the channel's lock is held, which is that of the node's owner.
        unsafe { self.node.disarm() };
    }

    /// Puts it into a heap, `here` unless it is in one, if it will ever be due. Locked.
    fn arm(this: NonNull<Clock>, here: &'static Timers) -> Option<Armed> {
        // SAFETY: alive: the caller has a reference to the channel.
        let when = unsafe { this.as_ref() }.when.load(Relaxed);
        // SAFETY: it stays until `destroy`, which disarms; the channel's lock is held.
        (when != NEVER).then(|| unsafe { timers::arm(this.cast(), when, here) })
    }

    /// Changes deadline and period. The first result says whether it was not due yet, or due and not received; the second one
    /// is to be announced without the lock. Locked; `waited`: receivers wait.
    pub(super) fn set(this: NonNull<Clock>, when: u64, period: u64, waited: bool) -> (bool, Option<Armed>) {
        // SAFETY: alive: the caller has a reference to the channel.
        let clock = unsafe { this.as_ref() };
        let active = clock.when.load(Relaxed) != NEVER;
        clock.when.store(when, Relaxed);
        clock.period.set(period);
        if !waited {
            return (active, None);
        }
        if when == NEVER {
            clock.waits_end();
        }
        (active, Self::arm(this, timers::here()))
    }
}

/// The heap has taken it off: keeps the channel alive until it has fired.
unsafe fn due(node: NonNull<Node>) -> bool {
    // SAFETY: the node is the first field of a Clock, which is not freed before we give the heap's lock back.
    let chan = unsafe { node.cast::<Clock>().as_ref() }.chan;
    // SAFETY: a channel frees its clock first.
    unsafe { chan.as_ref() }.retain_unless_gone()
}

/// Gives the moment to the first who waits.
unsafe fn fire(node: NonNull<Node>, firing: Firing) {
    let this = node.cast::<Clock>();
    // SAFETY: `due` has taken a reference to the channel, which keeps both alive.
    let clock = unsafe { this.as_ref() };
    let chan = clock.chan;
    // SAFETY: as above.
    let c = unsafe { chan.as_ref() };
    c.lock_for_select();
    // A receiver, a stop or a reset may have been quicker. Whoever still waits, waits for what is next.
    let receiver = (clock.when.load(Relaxed) <= firing.now).then(|| c.pop_receiver()).flatten();
    if let Some(sudog) = receiver {
        // SAFETY: the receiver waits until it is woken.
        let receiver = unsafe { sudog.as_ref() };
        let slot = receiver.elem::<MaybeUninit<Instant>>();
        // SAFETY: a waiting receiver's slot is free and fits an Instant.
        unsafe { slot.write(MaybeUninit::new(clock.advance(firing.now))) };
        receiver.set_success(true);
    }
    if c.has_receivers() {
        // Nobody else need know: we are an M, and look there before we go on.
        let _ = Clock::arm(this, timers::here_while(firing));
    }
    c.unlock_for_select();
    if let Some(sudog) = receiver {
        // SAFETY: popped under the lock.
        unsafe { Sudog::wake_due(sudog, firing) };
    }
    // SAFETY: the reference of `due`.
    unsafe { Hchan::release(chan) };
}
