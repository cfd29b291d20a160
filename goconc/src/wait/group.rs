//! `Group`: a counter and those who wait for it to reach zero. `sync::WaitGroup` is one that is shared; joins, scopes and
//! blocking calls have one each.
//!
//! Whoever waits adds himself to the state, and so takes the last `add` off its short way. A select that waits does the same
//! by a bit, `WATCHED`: the `add` that then reaches zero clears the bit and tells its caller, who wakes the selects. The bit
//! goes before they are woken, so one that asks too early to see the zero of a group in use again sets it again. It counts as
//! no waiter: a select asks again after it was woken, so nobody misuses a group by adding to it meanwhile.
//!
//! A group that is watched outlives the call of `add`, which may touch it after it has reached zero; any other one may be freed
//! by a waiter as soon as the semaphore is released.

use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::gmp::WaitReason;
use crate::wait::sema::Sema;

/// The counter in the upper half, as in Go.
const ONE: u64 = 1 << 32;
/// The number of waiters in the lower half, above the bit for selects.
const WAITER: u64 = 2;
/// A select may wait.
const WATCHED: u64 = 1;

/// A counter to wait for.
#[derive(Debug)]
pub(crate) struct Group {
    state: AtomicU64,
    sema: Sema,
}

impl Group {
    /// A counter at zero.
    pub(crate) const fn new() -> Self {
        Group { state: AtomicU64::new(0), sema: Sema::new() }
    }

    /// Adds `delta`, which may be negative; at zero all waiters go on. Panics as Go does. True: it is zero, and watched.
    #[inline]
    #[track_caller]
    pub(crate) fn add(&self, delta: isize) -> bool {
        let change = (delta as u64).wrapping_mul(ONE);
        // AcqRel: a `done` releases what its goroutine has written; the one that reaches zero acquires it for the waiters.
        let state = self.state.fetch_add(change, Ordering::AcqRel).wrapping_add(change);
        let (counter, others) = (counter_of(state), state as u32);
        if counter > 0 && (others == 0 || delta < 0) || state == 0 {
            return false;
        }
        self.add_slow(state, delta)
    }

    #[cold]
    #[track_caller]
    fn add_slow(&self, state: u64, delta: isize) -> bool {
        let (counter, waiters) = (counter_of(state), waiters_of(state));
        assert!(counter >= 0, "sync: negative WaitGroup counter");
        assert!(
            !(waiters != 0 && delta > 0 && counter as isize == delta),
            "sync: WaitGroup misuse: Add called concurrently with Wait"
        );
        if counter > 0 {
            return false;
        }
        if waiters == 0 {
            // Others may add meanwhile, so nothing but the bit goes. Relaxed: part of the release sequence of `add`, so who
            // acquires what stands here sees what was done; the selects are ordered by the lock of their list.
            return self.state.fetch_and(!WATCHED, Ordering::Relaxed) & WATCHED != 0;
        }
        // The counter is zero and there are waiters: nobody may change the state now, so it can be stored.
        // Relaxed: a look for misuse only.
        assert!(
            self.state.load(Ordering::Relaxed) == state,
            "sync: WaitGroup misuse: Add called concurrently with Wait"
        );
        self.state.store(0, Ordering::Release); // pairs with the Acquire in `wait`
        self.sema.release(waiters);
        state & WATCHED != 0
    }

    /// Whether the counter is zero. If not, the `add` that makes it so will tell its caller.
    pub(crate) fn is_zero_or_watch(&self) -> bool {
        let mut state = self.state.load(Ordering::Acquire); // pairs with the AcqRel in `add` that reached zero
        while counter_of(state) != 0 {
            if state & WATCHED != 0 {
                return false;
            }
            // Relaxed on success: the bit says nothing of what was done. Acquire on failure: as above.
            let watched = state | WATCHED;
            match self.state.compare_exchange_weak(state, watched, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return false,
                Err(now) => state = now,
            }
        }
        true
    }

    /// Waits until the counter is zero; panics as Go does when the group is used again too early.
    #[track_caller]
    pub(crate) fn wait(&self) {
        if !self.wait_as(WaitReason::WaitGroup, Location::caller()) {
            return;
        }
        // Acquire: pairs with the Release in `add_slow`.
        assert!(
            self.state.load(Ordering::Acquire) < WAITER,
            "sync: WaitGroup is reused before previous Wait has returned"
        );
    }

    /// The counter as of now.
    pub(crate) fn count(&self) -> i32 {
        counter_of(self.state.load(Ordering::Acquire)) // pairs with the AcqRel in `add`
    }

    /// Waits until the counter is zero, shown in dumps as `reason`. False: it was zero.
    pub(crate) fn wait_as(&self, reason: WaitReason, at: &'static Location<'static>) -> bool {
        let mut state = self.state.load(Ordering::Acquire); // pairs with the AcqRel in `add` that reached zero
        while counter_of(state) != 0 {
            // Relaxed on success: the semaphore orders what comes after. Acquire on failure: as above.
            match self.state.compare_exchange_weak(
                state,
                state + WAITER,
                Ordering::Relaxed,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    self.sema.acquire(reason, at);
                    return true;
                }
                Err(now) => state = now,
            }
        }
        false
    }
}

fn counter_of(state: u64) -> i32 {
    (state >> 32) as u32 as i32
}

fn waiters_of(state: u64) -> u32 {
    state as u32 / WAITER as u32
}
