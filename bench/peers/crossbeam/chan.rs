//! Channels and `select!`.

use std::array;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, bounded, select};

use crate::recorder::{Recorder, check, sum_below};

/// There and back; an operation is a round trip.
pub(crate) fn pingpong(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let ((to, there), (back, from)) = (bounded(0), bounded(0));
        let echo = thread::spawn(move || there.iter().for_each(|v| send(&back, v)));
        let mut sum = 0;
        for i in 0..N {
            send(&to, i);
            sum += from.recv().unwrap_or_default();
        }
        drop(to);
        echo.join().expect("no panic");
        check("sum of the replies", sum, sum_below(N));
    });
}

/// One producer, one consumer.
pub(crate) fn one_to_one(r: &Recorder, capacity: usize, n: isize) {
    r.best(n as usize, || {
        let rx = producer(capacity, n);
        check("sum of the messages", rx.iter().sum(), sum_below(n));
    });
}

/// Four producers, four consumers.
pub(crate) fn four_to_four(r: &Recorder, capacity: usize, n: isize) {
    r.best(n as usize, || {
        let (tx, rx) = bounded(capacity);
        for _ in 0..4 {
            let tx = tx.clone();
            thread::spawn(move || (0..n / 4).for_each(|i| send(&tx, i)));
        }
        drop(tx);
        let consumer = || {
            let rx = rx.clone();
            thread::spawn(move || rx.iter().sum::<isize>())
        };
        let consumers: [_; 4] = array::from_fn(|_| consumer());
        let sums = consumers.map(|consumer| consumer.join().expect("no panic"));
        check("sum of the messages", sums.iter().sum(), 4 * sum_below(n / 4));
    });
}

/// A thread that sends to itself through a buffer of one.
pub(crate) fn same_thread(r: &Recorder) {
    const N: isize = 5_000_000;
    r.best(N as usize, || {
        let (tx, rx) = bounded(1);
        let mut sum = 0;
        for i in 0..N {
            send(&tx, i);
            sum += rx.recv().unwrap_or_default();
        }
        check("sum of the messages", sum, sum_below(N));
    });
}

/// Two producers; the consumer also watches a channel that stays silent.
pub(crate) fn select_two(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let (a, b) = (producer(0, N / 2), producer(0, N / 2));
        let (_silent, done) = bounded::<()>(0);
        // A channel of which the sender is gone is ready for ever: Go's is not, so it is left out then.
        let (mut sum, mut got) = (0, [0, 0]);
        while got[0] + got[1] < N {
            if got[0] == N / 2 || got[1] == N / 2 {
                let rest = if got[0] == N / 2 { &b } else { &a };
                sum += rest.iter().sum::<isize>();
                break;
            }
            select! {
                recv(a) -> v => { sum += v.unwrap_or_default(); got[0] += 1; }
                recv(b) -> v => { sum += v.unwrap_or_default(); got[1] += 1; }
                recv(done) -> _ => {}
            }
        }
        check("sum of the messages", sum, 2 * sum_below(N / 2));
    });
}

/// A channel on which there is never anything.
pub(crate) fn select_default(r: &Recorder) {
    const N: usize = 5_000_000;
    r.best(N, || {
        let (_silent, a) = bounded::<isize>(0);
        let mut missed = 0;
        for _ in 0..N {
            select! {
                recv(a) -> _ => {}
                default => missed += 1,
            }
        }
        check("number of defaults", missed, N);
    });
}

/// Eight channels of which one has a value.
pub(crate) fn select_eight(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let c: [(Sender<isize>, Receiver<isize>); 8] = array::from_fn(|_| bounded(1));
        let mut sum = 0;
        for i in 0..N {
            send(&c[i as usize & 7].0, i);
            sum += select! {
                recv(c[0].1) -> v => v,
                recv(c[1].1) -> v => v,
                recv(c[2].1) -> v => v,
                recv(c[3].1) -> v => v,
                recv(c[4].1) -> v => v,
                recv(c[5].1) -> v => v,
                recv(c[6].1) -> v => v,
                recv(c[7].1) -> v => v,
            }
            .unwrap_or_default();
        }
        check("sum of the messages", sum, sum_below(N));
    });
}

/// A value that is there before the timeout.
pub(crate) fn select_timeout(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let (tx, rx) = bounded(1);
        let mut sum = 0;
        for i in 0..N {
            send(&tx, i);
            select! {
                recv(rx) -> v => sum += v.unwrap_or_default(),
                recv(after(Duration::from_secs(1))) -> _ => {}
            }
        }
        check("sum of the messages", sum, sum_below(N));
    });
}

/// Workers that all wait before the first job comes.
pub(crate) fn late_workers(r: &Recorder, workers: usize, jobs: usize, work: Duration) {
    r.best(jobs, || {
        let (tx, rx) = bounded(0);
        let waiting = AtomicUsize::new(0);
        let worked = AtomicUsize::new(0);
        thread::scope(|s| {
            for _ in 0..workers {
                s.spawn(|| {
                    waiting.fetch_add(1, Ordering::Relaxed); // only counted
                    let mut mine = 0;
                    for _ in &rx {
                        let start = Instant::now();
                        while start.elapsed() < work {}
                        mine += 1;
                    }
                    worked.fetch_add(mine, Ordering::Relaxed); // the end of the thread publishes it
                });
            }
            while waiting.load(Ordering::Relaxed) < workers {
                thread::yield_now();
            }
            (0..jobs as isize).for_each(|i| send(&tx, i));
            drop(tx);
        });
        check("number of jobs done", worked.into_inner(), jobs);
    });
}

/// What a thread sends: the numbers below `n`.
fn producer(capacity: usize, n: isize) -> Receiver<isize> {
    let (tx, rx) = bounded(capacity);
    thread::spawn(move || (0..n).for_each(|i| send(&tx, i)));
    rx
}

/// Sends to somebody who is there.
fn send(tx: &Sender<isize>, value: isize) {
    tx.send(value).expect("somebody receives");
}
