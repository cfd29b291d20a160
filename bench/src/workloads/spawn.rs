//! Starting goroutines.

use std::time::{Duration, Instant};

use goconc::sync::WaitGroup;
use goconc::{Chan, go, runtime, time};

use crate::recorder::{Recorder, check};

/// A million goroutines that do nothing, and one that waits for them.
pub(super) fn join(r: &Recorder) {
    // A static, as Go's closure holds a bare pointer: an `Arc` would add two atomic operations per goroutine.
    static WG: WaitGroup = WaitGroup::new();
    let n = r.size_or(1_000_000);
    let before = runtime::num_goroutine();
    r.best(n, || {
        WG.add(n as isize);
        for _ in 0..n {
            go! { WG.done() }
        }
        WG.wait();
    });
    settle(before);
}

/// One goroutine at a time, waited for by the close of a channel.
pub(super) fn one_wait(r: &Recorder) {
    const N: usize = 300_000;
    let before = runtime::num_goroutine();
    r.best(N, || {
        let mut closed = 0;
        for _ in 0..N {
            let c = Chan::<()>::new();
            go!([c] { c.close() });
            if c.recv().is_none() {
                closed += 1;
            }
        }
        check("channels found closed", closed, N);
    });
    settle(before);
}

/// Waits, outside the measured time, until every goroutine of the workload has ended.
fn settle(before: usize) {
    let start = Instant::now();
    while runtime::num_goroutine() > before {
        if start.elapsed() > Duration::from_secs(10) {
            check("number of goroutines left", runtime::num_goroutine(), before);
        }
        time::sleep(Duration::from_millis(1));
    }
}
