//! Locks.

use std::sync::Arc;

use tokio::sync::{Mutex, RwLock};

use crate::on_tokio::on_tokio;
use crate::recorder::{Recorder, check};

/// Operations per run, of all tasks together.
const N: usize = 10_000_000;

pub(crate) fn mutex_uncontended(r: &Recorder) {
    r.best(N, || {
        let count = on_tokio(async {
            let m = Mutex::new(0);
            for _ in 0..N {
                *m.lock().await += 1;
            }
            m.into_inner()
        });
        check("count under the lock", count, N);
    });
}

pub(crate) fn mutex_8g(r: &Recorder) {
    r.best(N, || {
        let count = on_tokio(async {
            let m = Arc::new(Mutex::new(0));
            let mut tasks = Vec::new();
            for _ in 0..8 {
                let m = m.clone();
                tasks.push(tokio::spawn(async move {
                    for _ in 0..N / 8 {
                        *m.lock().await += 1;
                    }
                }));
            }
            for task in tasks {
                task.await.expect("no panic");
            }
            *m.lock().await
        });
        check("count under the lock", count, N);
    });
}

pub(crate) fn rwmutex_8r(r: &Recorder) {
    r.best(N, || {
        let total = on_tokio(async {
            let m = Arc::new(RwLock::new(1));
            let mut tasks = Vec::new();
            for _ in 0..8 {
                let m = m.clone();
                tasks.push(tokio::spawn(async move {
                    let mut sum = 0;
                    for _ in 0..N / 8 {
                        sum += *m.read().await;
                    }
                    sum
                }));
            }
            let mut total = 0;
            for task in tasks {
                total += task.await.expect("no panic");
            }
            total
        });
        check("sum of what was read", total, N);
    });
}
