//! `WaitGroup`: waits for a collection of goroutines.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::gmp::WaitReason;
use crate::wait::sema::Sema;

/// The counter in the upper half, the number of waiters in the lower one, as in Go.
const ONE: u64 = 1 << 32;

/// Waits for a collection of goroutines to finish.
///
/// Go: `sync.WaitGroup`
///
/// Shared as an `Arc<WaitGroup>` or as a `static`; it cannot be copied by mistake, because it is not `Clone`.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use goconc::{go, sync::WaitGroup};
///
/// let wg = Arc::new(WaitGroup::new());
/// for i in 0..3 {
///     wg.add(1);
///     go!([wg] {
///         println!("goroutine {i}");
///         wg.done();
///     });
/// }
/// wg.wait();
/// ```
pub struct WaitGroup {
    state: AtomicU64,
    sema: Sema,
}

impl WaitGroup {
    /// A group whose counter is zero.
    pub const fn new() -> Self {
        WaitGroup { state: AtomicU64::new(0), sema: Sema::new() }
    }

    /// Adds `delta`, which may be negative, to the counter. At zero all waiters go on.
    ///
    /// Go: `wg.Add(delta)`
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`; `sync: WaitGroup misuse: Add called concurrently with Wait`, when the counter
    /// leaves zero while goroutines that waited for it have not gone on yet.
    ///
    /// # Examples
    /// ```
    /// let wg = goconc::sync::WaitGroup::new();
    /// wg.add(2);
    /// wg.add(-2);
    /// wg.wait();
    /// ```
    #[inline]
    #[track_caller]
    pub fn add(&self, delta: isize) {
        let change = (delta as u64).wrapping_mul(ONE);
        // AcqRel: a `done` releases what its goroutine has written; the one that reaches zero acquires it for the waiters.
        let state = self.state.fetch_add(change, Ordering::AcqRel).wrapping_add(change);
        let (counter, waiters) = split(state);
        if counter > 0 && waiters == 0 || state == 0 {
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

    /// Takes one off the counter.
    ///
    /// Go: `wg.Done()`
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`.
    #[inline]
    #[track_caller]
    pub fn done(&self) {
        self.add(-1);
    }

    /// Waits until the counter is zero.
    ///
    /// Go: `wg.Wait()`
    ///
    /// # Parks
    /// Until the counter is zero.
    ///
    /// # Panics
    /// `sync: WaitGroup is reused before previous Wait has returned`.
    #[track_caller]
    pub fn wait(&self) {
        if !self.wait_as(WaitReason::WaitGroup, Location::caller()) {
            return;
        }
        // Acquire: pairs with the Release in `add_slow`.
        assert!(
            self.state.load(Ordering::Acquire) == 0,
            "sync: WaitGroup is reused before previous Wait has returned"
        );
    }

    /// Starts `f` as a goroutine of the group: adds one now, and takes it off when `f` has returned or called `goexit`.
    ///
    /// Go: `wg.Go(f)`. A panic of `f` is not counted off, as in Go: it ends the process.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use goconc::sync::WaitGroup;
    ///
    /// let wg = Arc::new(WaitGroup::new());
    /// wg.go(|| println!("hello"));
    /// wg.wait();
    /// ```
    #[track_caller]
    pub fn go(self: &Arc<Self>, f: impl FnOnce() + core::marker::Send + 'static) {
        self.add(1);
        let wg = Arc::clone(self);
        crate::sched::spawn::spawn(
            move || {
                let mut done = DoneUnlessPanicking { wg: &wg, returned: false };
                f();
                done.returned = true;
            },
            crate::sched::spawn::Wish::default(),
            Location::caller(),
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

/// Counts off when its goroutine ends, by return or by `goexit`; a panic that nobody recovers ends the process anyway.
struct DoneUnlessPanicking<'a> {
    wg: &'a WaitGroup,
    returned: bool,
}

impl Drop for DoneUnlessPanicking<'_> {
    fn drop(&mut self) {
        let goexit = crate::gmp::g::current().is_some_and(|g| g.goexiting.get());
        // Not `std::thread::panicking`: that may be another goroutine's panic, parked on this thread.
        if self.returned || goexit {
            self.wg.done();
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("counter", &self.count()).finish_non_exhaustive()
    }
}
