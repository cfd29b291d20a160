//! Channels, from one goroutine to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use goconc::sync::WaitGroup;
use goconc::{Chan, go};

use crate::recorder::{Recorder, check, sum_below};

/// There and back over two unbuffered channels; an operation is a round trip.
pub(super) fn pingpong(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let (a, b) = (Chan::new(), Chan::new());
        go!([a, b] {
            for v in &a {
                b.send(v);
            }
            b.close();
        });
        let mut sum = 0;
        for i in 0..N {
            a.send(i);
            sum += b.recv_or_default();
        }
        a.close();
        check("sum of the replies", sum, sum_below(N));
    });
}

/// One producer, one consumer.
pub(super) fn one_to_one(r: &Recorder, capacity: usize, n: isize) {
    r.best(n as usize, || {
        let a = Chan::with_capacity(capacity);
        go!([a] {
            for i in 0..n {
                a.send(i);
            }
            a.close();
        });
        let mut sum = 0;
        for v in &a {
            sum += v;
        }
        check("sum of the messages", sum, sum_below(n));
    });
}

/// Four producers, four consumers.
pub(super) fn four_to_four(r: &Recorder, capacity: usize, n: isize) {
    r.best(n as usize, || {
        let a = Chan::with_capacity(capacity);
        let (wp, wc) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
        let total = Arc::new(AtomicIsize::new(0));
        for _ in 0..4 {
            wp.add(1);
            go!([a, wp] {
                for i in 0..n / 4 {
                    a.send(i);
                }
                wp.done();
            });
        }
        for _ in 0..4 {
            wc.add(1);
            go!([a, wc, total] {
                let mut sum = 0;
                for v in &a {
                    sum += v;
                }
                total.fetch_add(sum, Ordering::Relaxed); // `done` publishes it
                wc.done();
            });
        }
        wp.wait();
        a.close();
        wc.wait();
        check("sum of the messages", total.load(Ordering::Relaxed), 4 * sum_below(n / 4));
    });
}

/// A goroutine that sends to itself through a buffer of one.
pub(super) fn same_goroutine(r: &Recorder) {
    const N: isize = 5_000_000;
    r.best(N as usize, || {
        let a = Chan::with_capacity(1);
        let mut sum = 0;
        for i in 0..N {
            a.send(i);
            sum += a.recv_or_default();
        }
        check("sum of the messages", sum, sum_below(N));
    });
}
