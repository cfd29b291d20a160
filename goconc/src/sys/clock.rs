//! Three clocks: exact nanoseconds (26 ns a look), coarse milliseconds (a load), CPU ticks (a few ns, heuristics only).

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// When one of these clocks was looked at first: by std's, and by the kernel's, which is the same one.
static START: OnceLock<(Instant, u64)> = OnceLock::new();
static COARSE_MS: AtomicU64 = AtomicU64::new(0);

fn start() -> &'static (Instant, u64) {
    // In this order: so `nanos` is never ahead of `nanos_of_instant`.
    START.get_or_init(|| (Instant::now(), monotonic()))
}

/// Nanoseconds since the first call in this process.
#[inline]
pub(crate) fn nanos() -> u64 {
    let (_, ns) = start();
    monotonic() - ns
}

/// What std's `Instant` is made of. It has no way to its number but differences of two, which take three times as long.
#[inline]
fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every system that std's `Instant` runs on, and `now` is a place for its answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// As [`nanos`], for deadlines that [`instant`] shows to people: to the nanosecond what std's `Instant` counts. Ahead of `nanos`
/// by some tens of nanoseconds, so that what is due by that one is due for people.
pub(crate) fn nanos_of_instant() -> u64 {
    u64::try_from(start().0.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The moment at which [`nanos_of_instant`] is, was or will be `ns`.
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
