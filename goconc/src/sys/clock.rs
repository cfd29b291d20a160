//! Three clocks: exact nanoseconds (26 ns a look), coarse milliseconds (a load), CPU ticks (a few ns, heuristics only).

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// When the clock was looked at first, as std has it, and in nanoseconds since the kernel's zero.
static START: OnceLock<(Instant, u64)> = OnceLock::new();
static COARSE_MS: AtomicU64 = AtomicU64::new(0);

fn start() -> &'static (Instant, u64) {
    START.get_or_init(|| {
        let (before, first, after) = (monotonic(), Instant::now(), monotonic());
        let exact = since_zero(first).filter(|ns| (before..=after).contains(ns));
        // Where std keeps its Instants otherwise: rather late, so that nothing is due before people's clocks say so.
        (first, exact.unwrap_or(after))
    })
}

/// Nanoseconds since the first call in this process, to the nanosecond as std's `Instant` counts them.
#[inline]
pub(crate) fn nanos() -> u64 {
    let (_, zero) = start();
    monotonic() - zero
}

/// The kernel's clock, of which std's `Instant` is made. A difference of two Instants takes three times as long.
#[inline]
fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every system that std's `Instant` runs on, and `now` is a place for its answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * NANOS_PER_SEC as u64 + now.tv_nsec as u64
}

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// The number in an `Instant`, which std does not tell. It does tell which Instants there are, so the distance to the earliest one
/// can be found; and that one lies 2^63 seconds before the kernel's zero.
fn since_zero(t: Instant) -> Option<u64> {
    let duration = |ns: u128| Duration::new((ns / NANOS_PER_SEC) as u64, (ns % NANOS_PER_SEC) as u32);
    let (mut there_is, mut there_is_not) = (0, Duration::MAX.as_nanos());
    while there_is_not - there_is > 1 {
        let ns = there_is.midpoint(there_is_not);
        let known = if t.checked_sub(duration(ns)).is_some() { &mut there_is } else { &mut there_is_not };
        *known = ns;
    }
    u64::try_from(there_is.checked_sub(NANOS_PER_SEC << 63)?).ok()
}

/// The moment at which [`nanos`] is, was or will be `ns`.
pub(crate) fn instant(ns: u64) -> Instant {
    start().0 + Duration::from_nanos(ns)
}

/// Milliseconds as of the last [`tick_coarse`]: sysmon keeps it fresh, Ms that wake up do too.
pub(crate) fn coarse_ms() -> u64 {
    COARSE_MS.load(Ordering::Relaxed) // a time stamp for dumps; orders nothing
}

/// The same moment at every call, before any other that the program has seen.
pub(crate) fn long_ago() -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let (first, _) = *start();
    first.checked_sub(CENTURY).unwrap_or(first)
}

/// Brings the coarse clock up to date and returns exact nanoseconds.
pub(crate) fn tick_coarse() -> u64 {
    let now = nanos();
    COARSE_MS.store(now / 1_000_000, Ordering::Relaxed); // as in `coarse_ms`
    now
}

/// A monotonic counter of unknown unit, cheap enough for a spawn. See [`ticks_per_us`].
#[inline]
pub(crate) fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: rdtsc is part of every x86-64 CPU and has no precondition in user mode.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        nanos()
    }
}

/// How many [`ticks`] make a microsecond; measured once over about 200 microseconds by [`calibrate`].
#[inline]
pub(crate) fn ticks_per_us() -> u64 {
    TICKS_PER_US.load(Ordering::Relaxed) // set once before the first M runs; a stale default only shifts a heuristic
}

static TICKS_PER_US: AtomicU64 = AtomicU64::new(2000);

/// Measures [`ticks_per_us`].
pub(crate) fn calibrate() {
    let (t0, n0) = (ticks(), nanos());
    while nanos() - n0 < 200_000 {
        core::hint::spin_loop();
    }
    let (t1, n1) = (ticks(), nanos());
    let per_us = (t1 - t0) * 1000 / (n1 - n0).max(1);
    TICKS_PER_US.store(per_us.max(1), Ordering::Relaxed); // see `ticks_per_us`
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn counts_as_instants_do() {
        let (first, zero) = *start();
        assert_eq!(since_zero(first), Some(zero), "std keeps its Instants otherwise than we think");
        for _ in 0..1000 {
            let (before, ns, after) = (Instant::now(), nanos(), Instant::now());
            assert!(before <= instant(ns) && instant(ns) <= after);
        }
    }
}
