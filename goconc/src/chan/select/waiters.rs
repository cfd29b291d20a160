//! What else can be waited for: anything that can say "is it there? then it is mine".
//!
//! A [`Waitable`] is asked without any lock, so its answer may be old by the time its asker waits. [`Waiters`] closes that gap
//! with an epoch, which every wake-up advances under the lock of the list. Who waits does this:
//! 1. read the epoch;
//! 2. ask: the answer is no;
//! 3. take the lock; if the epoch is another one, begin again; else enter the list and sleep.
//!
//! Whoever makes the thing available does that first, then wakes: takes the lock, advances the epoch, takes somebody off the
//! list. If that comes before step 3, the epoch has moved on; if after, the waiter is in the list. The change is seen by who
//! asks again: both come after the lock. So no wake-up is lost, and none is remembered: with nobody in the list `wake_one`
//! does nothing but make those begin again that are between 1 and 3.
//!
//! Who is woken owns nothing yet: it asks again, and if somebody else was quicker it begins again. A select that was woken
//! here asks *this* one before anything else. So it does not leave with another arm while what it was woken for lies here and
//! the others in the list sleep; if there is nothing any more, whoever took it will wake somebody when it gives it back. Nor
//! is a wake-up spent on a select that another arm has won: its sudog cannot be claimed, and the next in the list is taken.
//! Only a panic of the asked one can break this off; then the wake-up is passed on.
//!
//! `models::waiters` checks it.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::gmp::{WaitReason, g};
use crate::sched::park;
use crate::sys::spin::ByteLock;
use crate::wait::waitq::WaitQ;
use crate::wait::{Sudog, Who};

/// Something that goroutines wait for and that is not a channel: an arm of a `select!` can be `v = <-it`.
///
/// Implement it for what can be *taken*, as a permit, a lock, a result. The implementor keeps a [`Waiters`] and wakes it when
/// something becomes available. Both methods are called without any lock of goconc held and may do what they like.
///
/// # Examples
/// A semaphore to be used as an arm of a `select!`, or alone:
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
///
/// use goconc::chan::{Waitable, Waiters};
/// use goconc::{Chan, go, select};
///
/// struct Semaphore {
///     permits: AtomicUsize,
///     waiters: Waiters,
/// }
///
/// impl Semaphore {
///     fn acquire(&self) {
///         self.waiters.wait_until(|| self.try_take());
///     }
///
///     fn release(&self) {
///         self.permits.fetch_add(1, SeqCst); // first make it available,
///         self.waiters.wake_one(); //          then wake
///     }
/// }
///
/// impl Waitable for Semaphore {
///     type Output = ();
///
///     fn try_take(&self) -> Option<()> {
///         self.permits.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).ok().map(drop)
///     }
///
///     fn waiters(&self) -> &Waiters {
///         &self.waiters
///     }
/// }
///
/// static LIMIT: Semaphore = Semaphore { permits: AtomicUsize::new(1), waiters: Waiters::new() };
///
/// let quit = Chan::<()>::new();
/// LIMIT.acquire();
/// let got = select! { <-LIMIT => true, <-quit => false, default => false };
/// assert!(!got);
/// go!(LIMIT.release());
/// let got = select! { <-LIMIT => true, <-quit => false };
/// assert!(got);
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is nothing to wait for")]
pub trait Waitable {
    /// What whoever has waited gets: `v = <-it` binds it as it is, and not an `Option`, because this is never closed.
    type Output;

    /// Takes it, if it is there.
    fn try_take(&self) -> Option<Self::Output>;

    /// Those who wait for it. Always the same list.
    fn waiters(&self) -> &Waiters;
}

/// Who waits for a [`Waitable`].
///
/// A change that makes something available comes first, then [`wake_one`](Self::wake_one) or [`wake_all`](Self::wake_all).
pub struct Waiters {
    lock: ByteLock,
    /// Advanced by every wake-up, under the lock.
    epoch: AtomicU64,
    queue: WaitQ,
}

// SAFETY: the list is touched with the lock held only.
unsafe impl Sync for Waiters {}
// SAFETY: sudogs in the list belong to waiters that keep it borrowed: one that moves has none.
unsafe impl Send for Waiters {}

impl Waiters {
    /// Nobody.
    pub const fn new() -> Self {
        Waiters { lock: ByteLock::new(), epoch: AtomicU64::new(0), queue: WaitQ::new() }
    }

    /// Wakes the one who has waited longest, if anybody waits: one thing has become available.
    pub fn wake_one(&self) {
        self.lock.lock();
        self.advance();
        // SAFETY: locked, and woken below.
        let sudog = unsafe { self.queue.pop() };
        self.unlock();
        if let Some(sudog) = sudog {
            // SAFETY: popped under the lock.
            unsafe { Sudog::wake(sudog) };
        }
    }

    /// Wakes all who wait: there is enough for everybody, or the first to come gets it.
    pub fn wake_all(&self) {
        self.lock.lock();
        self.advance();
        // SAFETY: locked, and woken below.
        let all = unsafe { self.queue.take_all() };
        self.unlock();
        all.wake();
    }

    /// Waits until `take` gives something. It is called now, and again after every wake-up that comes to the caller.
    ///
    /// # Parks
    /// Until `take` gives something.
    ///
    /// # Examples
    /// See [`Waitable`].
    #[track_caller]
    pub fn wait_until<T>(&self, mut take: impl FnMut() -> Option<T>) -> T {
        let at = Location::caller();
        let mut woken = None;
        loop {
            let epoch = self.epoch();
            if let Some(value) = take() {
                core::mem::forget(woken);
                return value;
            }
            core::mem::forget(woken.take());
            if self.sleep_unless_woken_since(epoch, at) {
                woken = Some(PassOn(self));
            }
        }
    }

    /// Steps 3 and the sleep. False: the epoch has moved on.
    fn sleep_unless_woken_since(&self, epoch: u64, at: &'static Location<'static>) -> bool {
        let who = Who::current();
        if who.must_exit()
            && let Some(g) = g::current()
        {
            park::check_goexit(g);
        }
        self.lock.lock();
        if self.epoch() != epoch {
            self.unlock();
            return false;
        }
        let sudog = Sudog::new(&who, core::ptr::null_mut());
        // SAFETY: locked, and we wait below until the sudog is off the list.
        unsafe { self.queue.push(&sudog) };
        who.wait(&self.lock, WaitReason::Select, at);
        true
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire) // pairs with the Release in `advance`
    }

    fn advance(&self) {
        // Relaxed load: written under the lock, which we hold. Release: pairs with the Acquire in `epoch`: who sees this epoch
        // sees what has become available.
        self.epoch.store(self.epoch.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    pub(super) fn lock(&self) -> &ByteLock {
        &self.lock
    }

    /// Locked.
    fn unlock(&self) {
        // SAFETY: every caller in this file holds the lock.
        unsafe { ByteLock::unlock(&raw const self.lock) };
    }

    pub(super) fn queue(&self) -> &WaitQ {
        &self.queue
    }
}

impl Default for Waiters {
    fn default() -> Self {
        Waiters::new()
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

/// A wake-up that its owner may not be able to use: a panic passes it on to the next one.
pub(super) struct PassOn<'a>(pub(super) &'a Waiters);

impl Drop for PassOn<'_> {
    fn drop(&mut self) {
        self.0.wake_one();
    }
}
