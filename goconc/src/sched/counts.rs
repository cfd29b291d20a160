//! How many Ps are idle, how many Ms spin, and how many Ms wait for a P: one word, 16 bits each.
//!
//! Every pick glances at it (Relaxed); zero means that nobody else wants anything. It changes with SeqCst, on which the
//! proof at the head of `idle` rests.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::gmp::m::CacheLine;

const IDLE_ONE: u64 = 1;
const SPINNING_ONE: u64 = 1 << 16;
const NEED_P_ONE: u64 = 1 << 32;
const FIELD: u64 = 0xFFFF;

static COUNTS: CacheLine<AtomicU64> = CacheLine(AtomicU64::new(0));

/// One look at the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts(u64);

impl Counts {
    /// As of now, for heuristics.
    #[inline(always)]
    pub(crate) fn glance() -> Counts {
        Counts(COUNTS.load(Ordering::Relaxed)) // a hint: sharing a moment later is as good
    }

    /// As of now, in the one order of all changes.
    pub(crate) fn exact() -> Counts {
        Counts(COUNTS.load(Ordering::SeqCst)) // against "falling asleep" in `idle`
    }

    /// Nobody is idle, spins or waits.
    #[inline(always)]
    pub(crate) fn all_busy(self) -> bool {
        self.0 == 0
    }

    /// Idle Ps.
    pub(crate) fn idle(self) -> u64 {
        self.0 & FIELD
    }

    /// Spinning Ms.
    pub(crate) fn spinning(self) -> u64 {
        (self.0 / SPINNING_ONE) & FIELD
    }

    /// Ms in need of a P.
    pub(crate) fn need_p(self) -> u64 {
        (self.0 / NEED_P_ONE) & FIELD
    }

    /// Somebody could run what we have too much of.
    #[inline(always)]
    pub(crate) fn hungry(self) -> bool {
        self.0 & (NEED_P_ONE - 1) != 0
    }

    /// Becomes the one waker in flight, if nothing has changed since this look.
    pub(crate) fn claim_waker(self) -> bool {
        // SeqCst: "at most one waker in flight" in `idle`.
        COUNTS.compare_exchange(self.0, self.0 + SPINNING_ONE, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }
}

// The changes. SeqCst: "falling asleep" in `idle`; `need_p` is a count only, its order comes from the lock.

pub(super) fn one_more_idle() {
    COUNTS.fetch_add(IDLE_ONE, Ordering::SeqCst);
}

pub(super) fn one_less_idle() {
    COUNTS.fetch_sub(IDLE_ONE, Ordering::SeqCst);
}

pub(super) fn one_more_spinning() {
    COUNTS.fetch_add(SPINNING_ONE, Ordering::SeqCst);
}

/// Returns the counts before.
pub(super) fn one_less_spinning() -> Counts {
    Counts(COUNTS.fetch_sub(SPINNING_ONE, Ordering::SeqCst))
}

pub(super) fn one_more_needs_p() {
    COUNTS.fetch_add(NEED_P_ONE, Ordering::SeqCst);
}

pub(super) fn one_less_needs_p() {
    COUNTS.fetch_sub(NEED_P_ONE, Ordering::SeqCst);
}
