//! `Sema`: pairs of sleep and wake-up, for the packages of `sync` (Go: sema.go).
//!
//! Every `acquire` that returns is paired with one unit of a `release`; a release that comes first is remembered. First
//! come, first served.

use core::cell::Cell;
use core::panic::Location;

use crate::gmp::WaitReason;
use crate::sys::spin::ByteLock;
use crate::wait::waitq::{Taken, WaitQ};
use crate::wait::{Sudog, Who};

/// A counting semaphore that parks. The cells are guarded by `lock`.
#[derive(Debug)]
pub(crate) struct Sema {
    lock: ByteLock,
    tokens: Cell<u32>,
    queue: WaitQ,
}

// SAFETY: the cells are only touched with the lock held.
unsafe impl Sync for Sema {}
// SAFETY: sudogs in the queue belong to waiters that keep the semaphore borrowed: a semaphore that moves has none.
unsafe impl Send for Sema {}

impl Sema {
    /// Without tokens.
    pub(crate) const fn new() -> Self {
        Sema { lock: ByteLock::new(), tokens: Cell::new(0), queue: WaitQ::new() }
    }

    /// Takes a token; waits for one.
    pub(crate) fn acquire(&self, reason: WaitReason, at: &'static Location<'static>) {
        self.lock.lock();
        if let Some(left) = self.tokens.get().checked_sub(1) {
            self.tokens.set(left);
            // SAFETY: taken above.
            return unsafe { ByteLock::unlock(&raw const self.lock) };
        }
        let who = Who::current();
        let sudog = Sudog::new(&who, core::ptr::null_mut());
        // SAFETY: we hold the lock, and wait below until the sudog is off the list.
        unsafe { self.queue.push(&sudog) };
        who.wait(&self.lock, reason, at);
    }

    /// Gives `n` tokens: to those who wait, the rest to those who come.
    ///
    /// The semaphore may be freed by a waiter as soon as it has its token: nothing of it is touched after that.
    pub(crate) fn release(&self, n: u32) {
        self.lock.lock();
        let woken = Taken::new();
        let mut left = n;
        while left > 0 {
            // SAFETY: we hold the lock, and wake whom we take below.
            let Some(sudog) = (unsafe { self.queue.pop() }) else { break };
            woken.push(sudog);
            left -= 1;
        }
        self.tokens.set(self.tokens.get() + left);
        // SAFETY: taken above.
        unsafe { ByteLock::unlock(&raw const self.lock) };
        woken.wake();
    }
}
