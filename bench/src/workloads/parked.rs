//! Goroutines that only wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goconc::{Chan, go, runtime, time};

use crate::child::{Recorder, check, memory};

/// A million goroutines parked on one channel: how long until they are, what they cost, how long until they end.
pub(super) fn million(r: &Recorder) {
    const N: usize = 1_000_000;
    const TICK: Duration = Duration::from_millis(1);
    // A static, as Go's closure holds a bare pointer.
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let before = memory();
    let c = Chan::<isize>::new();
    let start = Instant::now();
    for _ in 0..N {
        go!([c] {
            STARTED.fetch_add(1, Ordering::Relaxed); // only counted
            c.recv();
        });
    }
    while STARTED.load(Ordering::Relaxed) < N {
        time::sleep(TICK);
    }
    r.time("parked_1M_start", N, start.elapsed());
    let parked = memory();
    r.bytes("parked_1M_rss", N, parked.resident - before.resident);
    r.bytes("parked_1M_tables", N, parked.page_tables - before.page_tables);
    let start = Instant::now();
    c.close();
    while runtime::num_goroutine() > 10 {
        time::sleep(TICK);
    }
    r.time("parked_1M_wake_exit", N, start.elapsed());
    check("number of goroutines started", STARTED.load(Ordering::Relaxed), N);
}
