//! P: the right to run goroutines, and what goes with it.
//!
//! The M that holds a P (and is in the runtime, see `retake`) owns the private part. Anyone may steal from `shared` and
//! read the hints. Ps are made on demand and never freed.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crossbeam_deque::{Steal, Stealer, Worker};

use crate::gmp::{Chain, M, Record};
use crate::queue::fresh::Fresh;
use crate::sys::env::MAX_PROCS;
use crate::timer::Timers;

/// What only the holder touches.
#[derive(Debug)]
pub(crate) struct Private {
    /// Unstarted goroutines, newest on top.
    pub(crate) fresh: Fresh<core::ptr::NonNull<Record>>,
    /// How many of the oldest in `fresh` were looked at for dealing and kept.
    pub(crate) kept: usize,
    /// When `kept` was decided, or when fresh ones began to wait, in `clock::ticks`; zero: unknown.
    pub(crate) kept_since: u64,
    /// When something was published last, in `clock::ticks`.
    pub(crate) shared_at: u64,
    /// When started goroutines were.
    pub(crate) started_shared_at: u64,
    /// The surplus that others may steal; this side pushes and takes back.
    pub(crate) shared: Worker<Chain>,
}

/// A processor in Go's sense.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct P {
    /// Its number, 0 .. GOMAXPROCS.
    pub(crate) id: usize,
    private: UnsafeCell<Private>,
    /// Counts picks; sysmon compares. Written by the holder.
    pub(crate) tick: AtomicU32,
    /// `fresh.len()` for bystanders. Written by the holder.
    pub(crate) fresh_len: AtomicUsize,
    /// The M that holds it, or null.
    pub(crate) m: AtomicPtr<M>,
    /// The M that held it last: the one to wake for it. Constant while idle.
    pub(crate) last_m: AtomicPtr<M>,
    /// Nobody holds it and it is not idle: GOMAXPROCS is too low for it. Under the scheduler's lock.
    pub(crate) retired: AtomicBool,
    stealer: Stealer<Chain>,
    /// Sleeping goroutines that went to sleep here.
    pub(crate) timers: Timers,
}

// SAFETY: `private` belongs to the holder of the P, which is one M at a time; the rest is Sync.
unsafe impl Sync for P {}
// SAFETY: nothing in a P is tied to a thread.
unsafe impl Send for P {}

impl P {
    fn new(id: usize) -> P {
        let shared = Worker::new_lifo();
        let stealer = shared.stealer();
        let private = Private {
            fresh: Fresh::new(),
            kept: 0,
            kept_since: 0,
            shared_at: 0,
            started_shared_at: 0,
            shared,
        };
        P {
            id,
            private: UnsafeCell::new(private),
            tick: AtomicU32::new(0),
            fresh_len: AtomicUsize::new(0),
            m: AtomicPtr::new(core::ptr::null_mut()),
            last_m: AtomicPtr::new(core::ptr::null_mut()),
            retired: AtomicBool::new(true),
            stealer,
            timers: Timers::new(),
        }
    }

    /// The private part.
    ///
    /// # Safety
    /// * The caller holds this P (as its M in the runtime, or as sysmon while taking it) and keeps no other reference to
    ///   the private part meanwhile.
    #[inline(always)]
    #[expect(
        clippy::mut_from_ref,
        reason = "exclusive by the P protocol, which the borrow checker cannot see"
    )]
    pub(crate) unsafe fn private(&self) -> &mut Private {
        // SAFETY: exclusive by contract.
        unsafe { &mut *self.private.get() }
    }

    /// Brings the hint for bystanders up to date.
    #[inline(always)]
    pub(crate) fn note_len(&self, len: usize) {
        self.fresh_len.store(len, Ordering::Relaxed); // a hint: sysmon and thieves look again with the P in hand
    }

    /// Whether there is something to steal.
    pub(crate) fn has_shared(&self) -> bool {
        !self.stealer.is_empty()
    }

    /// Takes the oldest published chain.
    pub(crate) fn steal(&self) -> Option<Chain> {
        loop {
            match self.stealer.steal() {
                Steal::Success(chain) => return Some(chain),
                Steal::Empty => return None,
                Steal::Retry => core::hint::spin_loop(),
            }
        }
    }

    /// How many chains there are to steal.
    pub(crate) fn shared_len(&self) -> usize {
        self.stealer.len()
    }

    /// Whether anything waits here that another M could run.
    pub(crate) fn has_work(&self) -> bool {
        self.fresh_len.load(Ordering::Relaxed) != 0 || self.has_shared() // hints, as in `note_len`
    }
}

static ALL: [AtomicPtr<P>; MAX_PROCS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_PROCS];

/// The P with number `id`, which exists.
#[inline]
pub(crate) fn get(id: usize) -> &'static P {
    // SAFETY: published by `ensure` and never freed.
    unsafe { &*ALL[id].load(Ordering::Acquire) } // pairs with the Release in `ensure`
}

/// Makes the Ps 0..n exist. Under the scheduler's lock.
pub(crate) fn ensure(n: usize) {
    for (id, slot) in ALL.iter().enumerate().take(n) {
        if slot.load(Ordering::Relaxed).is_null() {
            // Relaxed above: only we write, under the lock. Release: pairs with the Acquire in `get`.
            slot.store(Box::into_raw(Box::new(P::new(id))), Ordering::Release);
        }
    }
}

/// Every P that exists.
pub(crate) fn all() -> impl Iterator<Item = &'static P> {
    // SAFETY: null, or published by `ensure` (pairs with its Release) and never freed.
    ALL.iter().map_while(|slot| unsafe { slot.load(Ordering::Acquire).as_ref() })
}
