//! The byte lock of a channel: one exchange to take it, one plain store to give it back.
//!
//! It is held for tens of nanoseconds, never across user code and never across a park (which gives it back before it leaves the
//! stack). Waiters back off, because a plain spin costs 3 to 6 times as much when two Ms
//! share a channel; a holder that lost its CPU is waited for by yielding ours.

use core::sync::atomic::{AtomicU8, Ordering};

const FREE: u8 = 0;
const HELD: u8 = 1;

/// A lock of one byte. Fair to nobody.
#[derive(Debug)]
pub(crate) struct ByteLock(AtomicU8);

/// PAUSE rounds of the first wait and of the longest one.
const FIRST_WAIT: u32 = 32;
const LONGEST_WAIT: u32 = 128;
/// Waits before we think that the holder has lost its CPU.
const WAITS_BEFORE_YIELD: u32 = 16;

impl ByteLock {
    /// A free lock.
    pub(crate) const fn new() -> Self {
        ByteLock(AtomicU8::new(FREE))
    }

    /// Takes the lock.
    #[inline]
    pub(crate) fn lock(&self) {
        // Acquire: pairs with the Release in `unlock`.
        if self.0.swap(HELD, Ordering::Acquire) != FREE {
            self.lock_slow();
        }
    }

    #[cold]
    fn lock_slow(&self) {
        let mut wait = FIRST_WAIT;
        let mut waits = 0;
        loop {
            for _ in 0..wait {
                core::hint::spin_loop();
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            waits += 1;
            if waits > WAITS_BEFORE_YIELD {
                std::thread::yield_now();
            }
            // Relaxed look first: the exchange would take the line away from the holder. Acquire as in `lock`.
            if self.0.load(Ordering::Relaxed) == FREE && self.0.swap(HELD, Ordering::Acquire) == FREE {
                return;
            }
        }
    }

    /// Gives the lock back.
    ///
    /// # Safety
    /// * `this` points at a live lock that is held, and the holder gives up its claim here.
    #[inline]
    pub(crate) unsafe fn unlock(this: *const Self) {
        // SAFETY: live by contract. Release: pairs with the Acquire in `lock`.
        unsafe { (*this).0.store(FREE, Ordering::Release) };
    }
}
