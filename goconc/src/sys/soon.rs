//! A moment that is not before now, and hardly after it, for half of what the kernel's clock costs: for deadlines, which may be
//! some ten nanoseconds late but never early.
//!
//! The CPU's counter says how much time has gone since somebody has looked at the kernel's clock (the *mark*), at most [`SPAN_NS`]
//! ago. That is sound only where the counters of all CPUs are one, which the kernel vouches for by using the counter for its own
//! clock. Three things could make the answer too early, and are met as follows:
//!  - the rate: nanoseconds per tick over the last [`WINDOW_NS`] or more. A mark has the counter from before and after its look at
//!    the clock, so the rate is rounded up; those of two windows in a row must agree, and a thousandth is added, which is as much as
//!    the kernel can change the speed of its clock by while it follows a time server;
//!  - a counter that jumps (suspend, a virtual machine that is moved): the mark is too old then, and rates do not agree;
//!  - a counter that is read out of order: that of the mark is read before its look at the clock.
//!
//! The mark is written by whoever finds it too old, and read under a sequence lock: `seq` is odd while it is written, and a reader
//! that has seen two different numbers, or an odd one, looks at the kernel's clock.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::OnceLock;

use crate::sys::clock::{nanos, ticks};

/// How old a mark may be.
const SPAN_NS: u64 = 16_000;
/// The rate is that of a window of at least so long.
const WINDOW_NS: u64 = 10_000_000;
/// A window that is longer says nothing of the rate now.
const LONGEST_NS: u64 = 1_000_000_000;
/// A look at the clock takes less, unless the thread has lost its CPU.
const LOOK_TICKS: u64 = 1 << 10;
/// Rates are fixed-point numbers with so many bits behind the point.
const POINT: u32 = 32;
/// Two rates agree that differ by one in so many.
const ALIKE: u64 = 8192;
/// What is added to a rate: one in so many.
const MARGIN: u64 = 1000;

/// A look at the kernel's clock, between two at the counter.
#[derive(Clone, Copy, Debug)]
struct Look {
    before: u64,
    ns: u64,
    after: u64,
}

impl Look {
    fn now() -> Look {
        let before = ticks();
        let ns = nanos();
        Look { before, ns, after: ticks() }
    }

    fn is_exact(self) -> bool {
        self.after.wrapping_sub(self.before) < LOOK_TICKS
    }

    /// Nanoseconds per tick since `earlier`, rounded up. `None`: they are too far apart, or not in order.
    fn rate_since(self, earlier: Look) -> Option<u64> {
        let ns = self.ns.checked_sub(earlier.ns).filter(|&ns| ns < LONGEST_NS)?;
        let ticks = self.before.checked_sub(earlier.after)?;
        u64::try_from((u128::from(ns) << POINT).checked_div(ticks.into())? + 1).ok()
    }
}

/// A [`Look`] that others read.
struct Shared {
    before: AtomicU64,
    ns: AtomicU64,
    after: AtomicU64,
}

impl Shared {
    const fn new() -> Shared {
        Shared { before: AtomicU64::new(0), ns: AtomicU64::new(0), after: AtomicU64::new(0) }
    }

    // Relaxed: by who writes the mark.
    fn get(&self) -> Look {
        Look {
            before: self.before.load(Ordering::Relaxed),
            ns: self.ns.load(Ordering::Relaxed),
            after: self.after.load(Ordering::Relaxed),
        }
    }

    fn set(&self, look: Look) {
        self.before.store(look.before, Ordering::Relaxed); // as in `get`
        self.ns.store(look.ns, Ordering::Relaxed);
        self.after.store(look.after, Ordering::Relaxed);
    }
}

/// Where both clocks were last.
#[repr(align(128))]
struct Mark {
    seq: AtomicU32,
    last: Shared,
    /// The rate to go on with, and for how many ticks; zero: unknown.
    rate: AtomicU64,
    span: AtomicU64,
    /// Where the window began.
    base: Shared,
    /// The rate of the window before; zero: unknown.
    seen: AtomicU64,
}

static MARK: Mark = Mark {
    seq: AtomicU32::new(0),
    last: Shared::new(),
    rate: AtomicU64::new(0),
    span: AtomicU64::new(0),
    base: Shared::new(),
    seen: AtomicU64::new(0),
};

/// A moment in [`nanos`] that is not before now, and a few ten nanoseconds after it at most.
#[inline]
pub(crate) fn soon() -> u64 {
    // Acquire: pairs with the Release at the end of `Mark::set`. All that follows is Relaxed: the sequence lock orders it.
    let seq = MARK.seq.load(Ordering::Acquire);
    let (before, ns) = (MARK.last.before.load(Ordering::Relaxed), MARK.last.ns.load(Ordering::Relaxed));
    let (rate, span) = (MARK.rate.load(Ordering::Relaxed), MARK.span.load(Ordering::Relaxed));
    fence(Ordering::Acquire); // pairs with the Release fence in `Mark::set`: who has read something of a later mark sees its `seq`
    let gone = ticks().wrapping_sub(before);
    if gone >= span || seq & 1 != 0 || MARK.seq.load(Ordering::Relaxed) != seq {
        return look();
    }
    ns + ((gone * rate) >> POINT) + 1
}

/// Looks at the kernel's clock, and leaves a mark.
#[cold]
fn look() -> u64 {
    let look = Look::now();
    if look.is_exact() && counter_is_one() {
        MARK.set(look);
    }
    look.ns
}

impl Mark {
    fn set(&self, look: Look) {
        let seq = self.seq.load(Ordering::Relaxed);
        // Acquire: pairs with the Release below, of who has written before us.
        let mine = seq & 1 == 0
            && self.seq.compare_exchange(seq, seq + 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if !mine {
            return; // somebody else is at it
        }
        fence(Ordering::Release); // pairs with the Acquire fence in `soon`
        self.last.set(look);
        let base = self.base.get();
        if look.ns.wrapping_sub(base.ns) >= WINDOW_NS {
            // Relaxed, here and below: only we write, until `seq` is even again.
            let seen = look.rate_since(base).unwrap_or(0);
            let rate = agreed(self.seen.load(Ordering::Relaxed), seen);
            let span = (SPAN_NS << POINT).checked_div(rate).unwrap_or(0);
            self.rate.store(rate, Ordering::Relaxed);
            self.span.store(span, Ordering::Relaxed);
            self.seen.store(seen, Ordering::Relaxed);
            self.base.set(look);
        }
        self.seq.store(seq.wrapping_add(2), Ordering::Release); // pairs with the Acquire in `soon`
    }
}

/// The rate to go on with after two windows; zero, if they do not agree or one is unknown.
fn agreed(one: u64, other: u64) -> u64 {
    let larger = one.max(other);
    let agree = one != 0 && other != 0 && one.abs_diff(other) <= larger / ALIKE;
    if agree { larger + larger / MARGIN } else { 0 }
}

/// Whether the counter is the same on all CPUs, as the kernel says.
fn counter_is_one() -> bool {
    static IS_ONE: OnceLock<bool> = OnceLock::new();
    *IS_ONE.get_or_init(|| {
        let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        cfg!(target_arch = "x86_64") && std::fs::read_to_string(file).is_ok_and(|name| name.trim() == "tsc")
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn never_before_now_and_hardly_after() {
        let mut late = Vec::new();
        for round in 0..2_000_000_u64 {
            let before = nanos();
            let soon = soon();
            assert!(soon >= before, "{soon} is before {before}, in round {round}");
            late.push(soon.saturating_sub(nanos()));
        }
        late.sort_unstable();
        assert!(late[late.len() / 2] <= 100, "{} ns late", late[late.len() / 2]);
    }

    #[test]
    fn is_in_use_soon() {
        if counter_is_one() {
            while MARK.rate.load(Ordering::Relaxed) == 0 {
                soon(); // other tests do so too
            }
        }
    }

    #[test]
    fn threads_agree() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200_000 {
                        let before = nanos();
                        assert!(soon() >= before);
                    }
                });
            }
        });
    }

    #[test]
    fn a_rate_is_rounded_up_and_believed_when_two_agree() {
        let first = Look { before: 1_000, ns: 0, after: 1_100 };
        let second = Look { before: 3_001_000, ns: 1_000_000, after: 3_001_050 };
        let rate = second.rate_since(first).unwrap();
        assert!(rate > (1 << POINT) / 3 && rate < (1 << POINT) / 3 * 1001 / 1000);
        assert_eq!(first.rate_since(second), None, "not in order");
        let far = Look { before: u64::MAX / 2, ns: 2 * LONGEST_NS, after: u64::MAX / 2 };
        assert_eq!(far.rate_since(first), None, "too far apart");
        assert_eq!(agreed(0, rate), 0);
        assert_eq!(agreed(rate, rate / 2), 0);
        assert!(agreed(rate, rate - 1) > rate);
    }
}
