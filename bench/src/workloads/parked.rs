//! Goroutines that only wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goconc::{Chan, go, runtime, time};

use crate::recorder::{Recorder, check, memory};

/// A million goroutines parked on one channel: how long until they are, what they cost, how long until they end.
pub(super) fn million(r: &Recorder) {
    const TICK: Duration = Duration::from_millis(1);
    // A static, as Go's closure holds a bare pointer.
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let n = r.size_or(1_000_000);
    let before = memory();
    let c = Chan::<isize>::new();
    let start = Instant::now();
    for _ in 0..n {
        go!([c] {
            STARTED.fetch_add(1, Ordering::Relaxed); // only counted
            c.recv();
        });
    }
    while STARTED.load(Ordering::Relaxed) < n {
        time::sleep(TICK);
    }
    r.time("parked_1M_start", n, start.elapsed());
    let parked = memory();
    r.bytes("parked_1M_rss", n, parked.resident - before.resident);
    r.bytes("parked_1M_tables", n, parked.page_tables - before.page_tables);
    let start = Instant::now();
    c.close();
    while runtime::num_goroutine() > 10 {
        time::sleep(TICK);
    }
    r.time("parked_1M_wake_exit", n, start.elapsed());
    check("number of goroutines started", STARTED.load(Ordering::Relaxed), n);
}
