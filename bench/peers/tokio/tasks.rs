//! Starting tasks, yielding, sleeping, waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::on_tokio::{WaitGroup, on_tokio};
use crate::recorder::{Recorder, check, memory};

pub(crate) fn join(r: &Recorder) {
    static WG: WaitGroup = WaitGroup::new();
    let n = r.size_or(1_000_000);
    r.best(n, || {
        on_tokio(async move {
            WG.add(n);
            for _ in 0..n {
                tokio::spawn(async { WG.done() });
            }
            WG.wait().await;
        });
    });
}

pub(crate) fn one_wait(r: &Recorder) {
    const N: usize = 300_000;
    r.best(N, || {
        let closed = on_tokio(async {
            let mut closed = 0;
            for _ in 0..N {
                let (tx, rx) = oneshot::channel::<()>();
                tokio::spawn(async move { drop(tx) });
                closed += usize::from(rx.await.is_err());
            }
            closed
        });
        check("channels found closed", closed, N);
    });
}

/// Yields per run, of all tasks together.
const YIELDS: usize = 2_000_000;

pub(crate) fn yield_alone(r: &Recorder) {
    r.best(YIELDS, || {
        on_tokio(async {
            for _ in 0..YIELDS {
                yield_now().await;
            }
        });
    });
}

pub(crate) fn yield_hundred(r: &Recorder) {
    r.best(YIELDS, || {
        let yields = on_tokio(async {
            let wg = Arc::new(WaitGroup::new());
            let yields = Arc::new(AtomicUsize::new(0));
            for _ in 0..100 {
                let (wg, yields) = (wg.clone(), yields.clone());
                wg.add(1);
                tokio::spawn(async move {
                    for _ in 0..YIELDS / 100 {
                        yield_now().await;
                    }
                    yields.fetch_add(YIELDS / 100, Ordering::Relaxed); // `done` publishes it
                    wg.done();
                });
            }
            wg.wait().await;
            yields.load(Ordering::Relaxed)
        });
        check("number of yields", yields, YIELDS);
    });
}

/// What is reported is the time beyond the longest sleep.
pub(crate) fn sleep_million(r: &Recorder) {
    const SHORTEST: usize = 500; // ms
    const STEPS: usize = 1000; // ms
    static WG: WaitGroup = WaitGroup::new();
    static EARLY: AtomicUsize = AtomicUsize::new(0);
    let n = r.size_or(1_000_000);
    let start = Instant::now();
    on_tokio(async move {
        for i in 0..n {
            WG.add(1);
            tokio::spawn(async move {
                let d = Duration::from_millis((SHORTEST + i % STEPS) as u64);
                let start = Instant::now();
                sleep(d).await;
                if start.elapsed() < d {
                    EARLY.fetch_add(1, Ordering::Relaxed); // `done` publishes it
                }
                WG.done();
            });
        }
        WG.wait().await;
    });
    let longest = Duration::from_millis((SHORTEST + STEPS - 1) as u64);
    r.time(r.name(), n, start.elapsed().saturating_sub(longest));
    check("number of sleeps that were too short", EARLY.load(Ordering::Relaxed), 0);
}

/// A million tasks that wait for one notification.
pub(crate) fn parked_million(r: &Recorder) {
    const TICK: Duration = Duration::from_millis(1);
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static GO_ON: Notify = Notify::const_new();
    let n = r.size_or(1_000_000);
    let before = memory();
    let start = Instant::now();
    let after_start = on_tokio(async move {
        for _ in 0..n {
            tokio::spawn(async {
                let told = GO_ON.notified(); // from here on it is told
                STARTED.fetch_add(1, Ordering::Relaxed); // only counted
                told.await;
            });
        }
        while STARTED.load(Ordering::Relaxed) < n {
            sleep(TICK).await;
        }
        start.elapsed()
    });
    r.time("parked_1M_start", n, after_start);
    let parked = memory();
    r.bytes("parked_1M_rss", n, parked.resident - before.resident);
    r.bytes("parked_1M_tables", n, parked.page_tables - before.page_tables);
    let start = Instant::now();
    on_tokio(async {
        GO_ON.notify_waiters();
        while Handle::current().metrics().num_alive_tasks() > 10 {
            sleep(TICK).await;
        }
    });
    r.time("parked_1M_wake_exit", n, start.elapsed());
    check("number of tasks started", STARTED.load(Ordering::Relaxed), n);
}
