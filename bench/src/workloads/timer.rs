//! Sleepers and timers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goconc::sync::WaitGroup;
use goconc::{go, time};

use crate::recorder::{Recorder, check};
use crate::workloads::chan;

/// How long the sleepers sleep, in milliseconds: from the shortest on, in so many steps.
const SHORTEST: usize = 500;
const STEPS: usize = 1000;

// Statics, as Go's closure holds bare pointers.
static WG: WaitGroup = WaitGroup::new();
static EARLY: AtomicUsize = AtomicUsize::new(0);

/// A million goroutines that sleep between half a second and one and a half.
pub(super) fn sleep_million(r: &Recorder) {
    let n = r.size_or(1_000_000);
    let start = Instant::now();
    for i in 0..n {
        WG.add(1);
        go! {
            let d = Duration::from_millis((SHORTEST + i % STEPS) as u64);
            let start = Instant::now();
            time::sleep(d);
            if start.elapsed() < d {
                EARLY.fetch_add(1, Ordering::Relaxed); // `done` publishes it
            }
            WG.done();
        }
    }
    all_have_slept(r, n, start);
}

/// Messages while a goroutine sleeps for long.
pub(super) fn beside_a_timer(r: &Recorder) {
    go!(time::sleep(Duration::from_secs(3600)));
    time::sleep(Duration::from_millis(10)); // until it does
    chan::one_to_one(r, 0, 1_000_000);
}

/// The same in a function: `go!` does not see that they begin with a sleep, and each has a stack meanwhile.
pub(super) fn sleep_million_on_stacks(r: &Recorder) {
    let n = r.size_or(1_000_000);
    let start = Instant::now();
    for i in 0..n {
        WG.add(1);
        go! {
            if !sleeps_well(Duration::from_millis((SHORTEST + i % STEPS) as u64)) {
                EARLY.fetch_add(1, Ordering::Relaxed); // `done` publishes it
            }
            WG.done();
        }
    }
    all_have_slept(r, n, start);
}

#[inline(never)]
fn sleeps_well(d: Duration) -> bool {
    let start = Instant::now();
    time::sleep(d);
    start.elapsed() >= d
}

/// What is reported is the time beyond the longest sleep.
fn all_have_slept(r: &Recorder, n: usize, start: Instant) {
    WG.wait();
    let longest = Duration::from_millis((SHORTEST + STEPS - 1) as u64);
    r.time(r.name(), n, start.elapsed().saturating_sub(longest));
    check("number of sleeps that were too short", EARLY.load(Ordering::Relaxed), 0);
}

/// Timers that never fire.
pub(super) fn new_stop(r: &Recorder) {
    const N: usize = 3_000_000;
    r.best(N, || {
        let mut stopped = 0;
        for _ in 0..N {
            let t = time::Timer::new(time::HOUR);
            stopped += usize::from(t.stop());
        }
        check("number of timers stopped", stopped, N);
    });
}
