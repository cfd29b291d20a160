//! `Group`: a counter and those who wait for it to reach zero. `sync::WaitGroup` is one that is shared; joins, scopes and
//! blocking calls have one each.

use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::gmp::WaitReason;
use crate::wait::sema::Sema;

/// The counter in the upper half, the number of waiters in the lower one, as in Go.
const ONE: u64 = 1 << 32;

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

    /// Adds `delta`, which may be negative; at zero all waiters go on. Panics as Go does.
    #[inline]
    #[track_caller]
    pub(crate) fn add(&self, delta: isize) {
        let change = (delta as u64).wrapping_mul(ONE);
        // AcqRel: a `done` releases what its goroutine has written; the one that reaches zero acquires it for the waiters.
        let state = self.state.fetch_add(change, Ordering::AcqRel).wrapping_add(change);
        let (counter, waiters) = split(state);
        if counter > 0 && (waiters == 0 || delta < 0) || state == 0 {
            return;
        }
        self.add_slow(state, delta);
    }

    #[cold]
    #[track_caller]
    fn add_slow(&self, state: u64, delta: isize) {
        let (counter, waiters) = split(state);
        assert!(counter >= 0, "sync: negative WaitGroup counter");
        assert!(
            !(waiters != 0 && delta > 0 && counter as isize == delta),
            "sync: WaitGroup misuse: Add called concurrently with Wait"
        );
        if counter > 0 || waiters == 0 {
            return;
        }
        // The counter is zero and there are waiters: nobody may change the state now, so it can be stored.
        // Relaxed: a look for misuse only.
        assert!(
            self.state.load(Ordering::Relaxed) == state,
            "sync: WaitGroup misuse: Add called concurrently with Wait"
        );
        self.state.store(0, Ordering::Release); // pairs with the Acquire in `wait`
        self.sema.release(waiters);
    }

    /// Waits until the counter is zero; panics as Go does when the group is used again too early.
    #[track_caller]
    pub(crate) fn wait(&self) {
        if !self.wait_as(WaitReason::WaitGroup, Location::caller()) {
            return;
        }
        // Acquire: pairs with the Release in `add_slow`.
        assert!(
            self.state.load(Ordering::Acquire) == 0,
            "sync: WaitGroup is reused before previous Wait has returned"
        );
    }

    /// The counter as of now.
    pub(crate) fn count(&self) -> i32 {
        split(self.state.load(Ordering::Acquire)).0 // pairs with the AcqRel in `add`
    }

    /// Waits until the counter is zero, shown in dumps as `reason`. False: it was zero.
    pub(crate) fn wait_as(&self, reason: WaitReason, at: &'static Location<'static>) -> bool {
        let mut state = self.state.load(Ordering::Acquire); // pairs with the AcqRel in `add` that reached zero
        while split(state).0 != 0 {
            // Relaxed on success: the semaphore orders what comes after. Acquire on failure: as above.
            match self.state.compare_exchange_weak(state, state + 1, Ordering::Relaxed, Ordering::Acquire) {
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

fn split(state: u64) -> (i32, u32) {
    ((state >> 32) as u32 as i32, state as u32)
}
