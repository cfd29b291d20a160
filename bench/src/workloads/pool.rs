//! Worker pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goconc::sync::WaitGroup;
use goconc::{Chan, go, runtime};

use crate::recorder::{Recorder, check};

/// Workers that are all parked before the first job arrives: do they still work at the same time?
pub(super) fn late_workers(r: &Recorder, workers: usize, jobs: usize, work: Duration) {
    r.best(jobs, || {
        let input = Chan::new();
        let wg = Arc::new(WaitGroup::new());
        let parked = Arc::new(AtomicUsize::new(0));
        let worked = Arc::new(AtomicUsize::new(0));
        for _ in 0..workers {
            wg.add(1);
            go!([input, wg, parked, worked] {
                parked.fetch_add(1, Ordering::Relaxed); // only counted
                let mut mine = 0;
                for _ in &input {
                    let start = Instant::now();
                    while start.elapsed() < work {}
                    mine += 1;
                }
                worked.fetch_add(mine, Ordering::Relaxed); // `done` publishes it
                wg.done();
            });
        }
        while parked.load(Ordering::Relaxed) < workers {
            runtime::gosched();
        }
        for i in 0..jobs as isize {
            input.send(i);
        }
        input.close();
        wg.wait();
        check("number of jobs done", worked.load(Ordering::Relaxed), jobs);
    });
}
