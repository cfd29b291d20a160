//! Goroutines that only wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goconc::{Chan, go, runtime, time};

use crate::recorder::{Recorder, check, memory};

// A static, as Go's closure holds a bare pointer.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A million goroutines parked on one channel: how long until they are, what they cost, how long until they end.
pub(super) fn million(r: &Recorder) {
    measure(r, ["parked_1M_start", "parked_1M_rss", "parked_1M_tables", "parked_1M_wake_exit"], |c| {
        go!([c] {
            STARTED.fetch_add(1, Ordering::Relaxed); // only counted
            c.recv();
        });
    });
}

/// The same in a function: `go!` does not see that they begin with a receive, and each has a stack meanwhile.
pub(super) fn million_on_stacks(r: &Recorder) {
    let rows = [
        "parked_1M_stack_start",
        "parked_1M_stack_rss",
        "parked_1M_stack_tables",
        "parked_1M_stack_wake_exit",
    ];
    measure(r, rows, |c| go!(wait_for(c)));
}

#[inline(never)]
fn wait_for(c: &Chan<isize>) {
    STARTED.fetch_add(1, Ordering::Relaxed); // only counted
    c.recv();
}

fn measure(r: &Recorder, [began, resident, tables, ended]: [&'static str; 4], begin: impl Fn(&Chan<isize>)) {
    const TICK: Duration = Duration::from_millis(1);
    let n = r.size_or(1_000_000);
    let before = memory();
    let c = Chan::<isize>::new();
    let start = Instant::now();
    for _ in 0..n {
        begin(&c);
    }
    while STARTED.load(Ordering::Relaxed) < n {
        time::sleep(TICK);
    }
    r.time(began, n, start.elapsed());
    let parked = memory();
    r.bytes(resident, n, parked.resident - before.resident);
    r.bytes(tables, n, parked.page_tables - before.page_tables);
    let start = Instant::now();
    c.close();
    while runtime::num_goroutine() > 10 {
        time::sleep(TICK);
    }
    r.time(ended, n, start.elapsed());
    check("number of goroutines started", STARTED.load(Ordering::Relaxed), n);
}
