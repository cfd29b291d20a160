//! `Note`: a one-shot sleep and wake-up of one thread (Go: `note`).
//!
//! The word is CLEAR, SLEEPING or SET. One thread sleeps; any thread wakes. A wake-up that comes before the sleep is not lost:
//! the word says SET and the sleeper does not sleep. Two that come before it are one: the sleeper sees what both have done,
//! because it clears the word by an exchange, which reads what the last of them has written.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::sys::{clock, futex};

const CLEAR: u32 = 0;
const SLEEPING: u32 = 1;
const SET: u32 = 2;

/// A one-shot wake-up for one thread.
#[derive(Debug)]
pub(crate) struct Note(AtomicU32);

impl Note {
    /// A note that nobody has set.
    pub(crate) const fn new() -> Self {
        Note(AtomicU32::new(CLEAR))
    }

    /// Sleeps until [`wakeup`](Self::wakeup), then clears the note.
    pub(crate) fn sleep(&self) {
        while !self.sleep_until(u64::MAX) {}
    }

    /// Sleeps until a wake-up (true, and the note is clear again) or until `deadline` in [`clock::nanos`] (false).
    pub(crate) fn sleep_until(&self, deadline: u64) -> bool {
        // Acquire on both: pairs with the Release in `wakeup`; what the waker did before is visible to us.
        let mut now = self.0.compare_exchange(CLEAR, SLEEPING, Ordering::Acquire, Ordering::Acquire);
        loop {
            if now == Err(SET) {
                self.0.swap(CLEAR, Ordering::Acquire); // pairs with the Release in `wakeup`, of whoever came last
                return true;
            }
            let timeout = (deadline != u64::MAX).then(|| deadline.saturating_sub(clock::nanos()));
            if timeout == Some(0) {
                // Take the SLEEPING mark back; a wake-up that came meanwhile wins.
                return match self.0.compare_exchange(SLEEPING, CLEAR, Ordering::Acquire, Ordering::Acquire) {
                    Ok(_) => false,
                    Err(_) => {
                        self.0.swap(CLEAR, Ordering::Acquire); // as above
                        true
                    }
                };
            }
            futex::wait(&self.0, SLEEPING, timeout.map(Duration::from_nanos));
            // Acquire: pairs with the Release in `wakeup`.
            now = match self.0.load(Ordering::Acquire) {
                SET => Err(SET),
                other => Ok(other),
            };
        }
    }

    /// Wakes the sleeper, now or when it comes to sleep.
    ///
    /// Takes a pointer because the note may live on the sleeper's stack, which may be gone once the word says SET.
    ///
    /// # Safety
    /// * `this` must be valid until this call has stored SET; the sleeper must not free it before it saw SET.
    pub(crate) unsafe fn wakeup(this: *const Self) {
        // SAFETY: valid by contract until the swap below has happened.
        let word = unsafe { &raw const (*this).0 };
        // SAFETY: as above. Release: pairs with the Acquire loads of the sleeper.
        let old = unsafe { (*word).swap(SET, Ordering::Release) };
        if old == SLEEPING {
            futex::wake_one(word);
        }
    }
}
