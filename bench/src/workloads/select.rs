//! `select!`.

use std::array;

use goconc::{Chan, go, select, time};

use crate::recorder::{Recorder, check, sum_below};

/// Two producers; the consumer also watches a channel that stays silent.
pub(super) fn two(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let (a, b, done) = (Chan::new(), Chan::new(), Chan::<()>::new());
        for c in [&a, &b] {
            go!([c] {
                for i in 0..N / 2 {
                    c.send(i);
                }
            });
        }
        let mut sum = 0;
        for _ in 0..N {
            select! {
                v := <-a => sum += v,
                v := <-b => sum += v,
                <-done => {}
            }
        }
        check("sum of the messages", sum, 2 * sum_below(N / 2));
    });
}

/// A channel on which there is never anything.
pub(super) fn default_miss(r: &Recorder) {
    const N: usize = 5_000_000;
    r.best(N, || {
        let a = Chan::<isize>::new();
        let mut missed = 0;
        for _ in 0..N {
            select! {
                <-a => {}
                default => missed += 1,
            }
        }
        check("number of defaults", missed, N);
    });
}

/// Eight channels of which one has a value.
pub(super) fn eight_ready(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let c: [Chan<isize>; 8] = array::from_fn(|_| Chan::with_capacity(1));
        let mut sum = 0;
        for i in 0..N {
            c[i as usize & 7].send(i);
            select! {
                v := <-c[0] => sum += v,
                v := <-c[1] => sum += v,
                v := <-c[2] => sum += v,
                v := <-c[3] => sum += v,
                v := <-c[4] => sum += v,
                v := <-c[5] => sum += v,
                v := <-c[6] => sum += v,
                v := <-c[7] => sum += v,
            }
        }
        check("sum of the messages", sum, sum_below(N));
    });
}

/// A value that is there before the timeout.
pub(super) fn timeout_hit(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let a = Chan::with_capacity(1);
        let mut sum = 0;
        for i in 0..N {
            a.send(i);
            select! {
                v := <-a => sum += v,
                <-time::after(time::SECOND) => {}
            }
        }
        check("sum of the messages", sum, sum_below(N));
    });
}
