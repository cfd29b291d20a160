//! All workloads of may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use may::coroutine::{self, JoinHandle, yield_now};
use may::go;
use may::sync::{Blocker, Mutex, RwLock, mpmc};

use crate::recorder::{Recorder, check, memory, sum_below};

/// Runs `f` as a coroutine, as Go's main is a goroutine, and waits for it.
fn on_may<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    go!(f).join().expect("a coroutine does not panic but with a wrong result")
}

/// What Go's `sync.WaitGroup` is, for one waiter.
struct WaitGroup {
    count: AtomicUsize,
    waiter: Arc<Blocker>,
}

impl WaitGroup {
    /// The caller is who will wait.
    fn new(n: usize) -> Arc<Self> {
        Arc::new(WaitGroup { count: AtomicUsize::new(n), waiter: Blocker::current() })
    }

    fn done(&self) {
        // AcqRel: what the others did before their `done` is visible to who waits.
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiter.unpark();
        }
    }

    fn wait(&self) {
        while self.count.load(Ordering::Acquire) != 0 {
            self.waiter.park(None).expect("nobody cancels it");
        }
    }
}

pub(crate) fn join(r: &Recorder) {
    let n = r.size_or(1_000_000);
    r.best(n, || {
        on_may(move || {
            let wg = WaitGroup::new(n);
            for _ in 0..n {
                let wg = wg.clone();
                go!(move || wg.done());
            }
            wg.wait();
        });
    });
}

pub(crate) fn one_wait(r: &Recorder) {
    const N: usize = 300_000;
    r.best(N, || {
        let closed = on_may(|| {
            let mut closed = 0;
            for _ in 0..N {
                let (tx, rx) = mpmc::channel::<()>();
                go!(move || drop(tx));
                closed += usize::from(rx.recv().is_err());
            }
            closed
        });
        check("channels found closed", closed, N);
    });
}

/// Yields per run, of all coroutines together.
const YIELDS: usize = 2_000_000;

pub(crate) fn yield_alone(r: &Recorder) {
    r.best(YIELDS, || on_may(|| (0..YIELDS).for_each(|_| yield_now())));
}

pub(crate) fn yield_hundred(r: &Recorder) {
    r.best(YIELDS, || {
        let yields = on_may(|| {
            let wg = WaitGroup::new(100);
            let yields = Arc::new(AtomicUsize::new(0));
            for _ in 0..100 {
                let (wg, yields) = (wg.clone(), yields.clone());
                go!(move || {
                    (0..YIELDS / 100).for_each(|_| yield_now());
                    yields.fetch_add(YIELDS / 100, Ordering::Relaxed); // `done` publishes it
                    wg.done();
                });
            }
            wg.wait();
            yields.load(Ordering::Relaxed)
        });
        check("number of yields", yields, YIELDS);
    });
}

/// There and back; an operation is a round trip.
pub(crate) fn pingpong(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let sum = on_may(|| {
            let ((to, there), (back, from)) = (mpmc::channel(), mpmc::channel());
            go!(move || {
                for v in there.iter() {
                    back.send(v).expect("somebody receives");
                }
            });
            let mut sum = 0;
            for i in 0..N {
                to.send(i).expect("somebody receives");
                sum += from.recv().unwrap_or_default();
            }
            sum
        });
        check("sum of the replies", sum, sum_below(N));
    });
}

/// A tree of coroutines with ten children each, which adds up the numbers of its leaves.
pub(crate) fn skynet_1m(r: &Recorder) {
    let n = r.size_or(1_000_000) as isize;
    r.best((n * 10 / 9) as usize, || {
        let sum = on_may(move || {
            let (tx, rx) = mpmc::channel();
            go!(move || skynet(&tx, 0, n, 10));
            rx.recv().unwrap_or_default()
        });
        check("sum of the leaves", sum, sum_below(n));
    });
}

/// Sends the sum of the numbers `num .. num + size` to `c`.
fn skynet(c: &mpmc::Sender<isize>, num: isize, size: isize, div: isize) {
    let mut sum = num;
    if size > 1 {
        let (tx, rx) = mpmc::channel();
        for i in 0..div {
            let tx = tx.clone();
            go!(move || skynet(&tx, num + i * (size / div), size / div, div));
        }
        sum = (0..div).map(|_| rx.recv().unwrap_or_default()).sum();
    }
    c.send(sum).expect("somebody receives");
}

/// What is reported is the time beyond the longest sleep.
pub(crate) fn sleep_million(r: &Recorder) {
    const SHORTEST: usize = 500; // ms
    const STEPS: usize = 1000; // ms
    static EARLY: AtomicUsize = AtomicUsize::new(0);
    let n = r.size_or(1_000_000);
    let start = Instant::now();
    on_may(move || {
        let wg = WaitGroup::new(n);
        for i in 0..n {
            let wg = wg.clone();
            go!(move || {
                let d = Duration::from_millis((SHORTEST + i % STEPS) as u64);
                let start = Instant::now();
                coroutine::sleep(d);
                if start.elapsed() < d {
                    EARLY.fetch_add(1, Ordering::Relaxed); // `done` publishes it
                }
                wg.done();
            });
        }
        wg.wait();
    });
    let longest = Duration::from_millis((SHORTEST + STEPS - 1) as u64);
    r.time(r.name(), n, start.elapsed().saturating_sub(longest));
    check("number of sleeps that were too short", EARLY.load(Ordering::Relaxed), 0);
}

/// A million coroutines that wait for one channel.
pub(crate) fn parked_million(r: &Recorder) {
    const TICK: Duration = Duration::from_millis(1);
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let n = r.size_or(1_000_000);
    let before = memory();
    let (tx, rx) = mpmc::channel::<()>();
    let start = Instant::now();
    on_may(move || {
        for _ in 0..n {
            let rx = rx.clone();
            go!(move || {
                STARTED.fetch_add(1, Ordering::Relaxed); // only counted
                let _ = rx.recv(); // an error: it is closed
                ENDED.fetch_add(1, Ordering::Relaxed); // only counted
            });
        }
        while STARTED.load(Ordering::Relaxed) < n {
            coroutine::sleep(TICK);
        }
    });
    r.time("parked_1M_start", n, start.elapsed());
    let parked = memory();
    r.bytes("parked_1M_rss", n, parked.resident - before.resident);
    r.bytes("parked_1M_tables", n, parked.page_tables - before.page_tables);
    let start = Instant::now();
    on_may(move || {
        drop(tx);
        while ENDED.load(Ordering::Relaxed) < n {
            coroutine::sleep(TICK);
        }
    });
    r.time("parked_1M_wake_exit", n, start.elapsed());
}

/// Operations on locks per run, of all coroutines together.
const N: usize = 10_000_000;

pub(crate) fn mutex_uncontended(r: &Recorder) {
    r.best(N, || {
        let count = on_may(|| {
            let m = Mutex::new(0);
            for _ in 0..N {
                *m.lock().expect("nobody panics") += 1;
            }
            *m.lock().expect("nobody panics")
        });
        check("count under the lock", count, N);
    });
}

pub(crate) fn mutex_8g(r: &Recorder) {
    r.best(N, || {
        let count = on_may(|| {
            let m = Arc::new(Mutex::new(0));
            eight(|| {
                let m = m.clone();
                move || (0..N / 8).for_each(|_| *m.lock().expect("nobody panics") += 1)
            });
            *m.lock().expect("nobody panics")
        });
        check("count under the lock", count, N);
    });
}

pub(crate) fn rwmutex_8r(r: &Recorder) {
    r.best(N, || {
        let sums = on_may(|| {
            let m = Arc::new(RwLock::new(1));
            eight(|| {
                let m = m.clone();
                move || (0..N / 8).map(|_| *m.read().expect("nobody panics")).sum::<usize>()
            })
        });
        check("sum of what was read", sums.iter().sum(), N);
    });
}

/// Runs eight coroutines and waits for them.
fn eight<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(make: impl Fn() -> F) -> Vec<T> {
    let all: Vec<JoinHandle<T>> = (0..8).map(|_| go!(make())).collect();
    all.into_iter().map(|one| one.join().expect("no panic")).collect()
}
