//! Giving the P to someone else, or to nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use goconc::sync::WaitGroup;
use goconc::{go, runtime};

use crate::recorder::{Recorder, check};

/// Yields per run, of all goroutines together.
const N: usize = 2_000_000;

/// A goroutine that is alone.
pub(super) fn one(r: &Recorder) {
    r.best(N, || {
        for _ in 0..N {
            runtime::gosched();
        }
    });
}

/// A hundred goroutines in turn.
pub(super) fn hundred(r: &Recorder) {
    r.best(N, || {
        let wg = Arc::new(WaitGroup::new());
        let yields = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            wg.add(1);
            go!([wg, yields] {
                for _ in 0..N / 100 {
                    runtime::gosched();
                }
                yields.fetch_add(N / 100, Ordering::Relaxed); // `done` publishes it
                wg.done();
            });
        }
        wg.wait();
        check("number of yields", yields.load(Ordering::Relaxed), N);
    });
}
