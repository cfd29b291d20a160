//! Channels, `select!`, and the programs that are made of channels.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

use crate::on_tokio::on_tokio;
use crate::recorder::{Recorder, check, sum_below};

/// There and back; an operation is a round trip.
pub(crate) fn pingpong(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let ((to, mut there), (back, mut from)) = (mpsc::channel(1), mpsc::channel(1));
            tokio::spawn(async move {
                while let Some(v) = there.recv().await {
                    send(&back, v).await;
                }
            });
            let mut sum = 0;
            for i in 0..N {
                send(&to, i).await;
                sum += from.recv().await.unwrap_or_default();
            }
            sum
        });
        check("sum of the replies", sum, sum_below(N));
    });
}

/// One producer, one consumer, a buffer of 128.
pub(crate) fn buffered(r: &Recorder) {
    const N: isize = 5_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let mut rx = producer(128, N);
            let mut sum = 0;
            while let Some(v) = rx.recv().await {
                sum += v;
            }
            sum
        });
        check("sum of the messages", sum, sum_below(N));
    });
}

/// A task that sends to itself through a buffer of one.
pub(crate) fn same_task(r: &Recorder) {
    const N: isize = 5_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let (tx, mut rx) = mpsc::channel(1);
            let mut sum = 0;
            for i in 0..N {
                send(&tx, i).await;
                sum += rx.recv().await.unwrap_or_default();
            }
            sum
        });
        check("sum of the messages", sum, sum_below(N));
    });
}

/// Two producers; the consumer also watches a channel that stays silent.
pub(crate) fn select_two(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let (mut a, mut b) = (producer(1, N / 2), producer(1, N / 2));
            let (_silent, mut done) = mpsc::channel::<()>(1);
            let mut sum = 0;
            for _ in 0..N {
                tokio::select! {
                    Some(v) = a.recv() => sum += v,
                    Some(v) = b.recv() => sum += v,
                    _ = done.recv() => {}
                }
            }
            sum
        });
        check("sum of the messages", sum, 2 * sum_below(N / 2));
    });
}

/// Eight channels of which one has a value.
pub(crate) fn select_eight(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let (tx, rx): (Vec<_>, Vec<_>) = (0..8).map(|_| mpsc::channel(1)).unzip();
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] =
                <[Receiver<isize>; 8]>::try_from(rx).expect("there are eight");
            let mut sum = 0;
            for i in 0..N {
                send(&tx[i as usize & 7], i).await;
                tokio::select! {
                    Some(v) = a.recv() => sum += v,
                    Some(v) = b.recv() => sum += v,
                    Some(v) = c.recv() => sum += v,
                    Some(v) = d.recv() => sum += v,
                    Some(v) = e.recv() => sum += v,
                    Some(v) = f.recv() => sum += v,
                    Some(v) = g.recv() => sum += v,
                    Some(v) = h.recv() => sum += v,
                }
            }
            sum
        });
        check("sum of the messages", sum, sum_below(N));
    });
}

/// A value that is there before the timeout.
pub(crate) fn timeout_hit(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let (tx, mut rx) = mpsc::channel(1);
            let mut sum = 0;
            for i in 0..N {
                send(&tx, i).await;
                if let Ok(Some(v)) = timeout(Duration::from_secs(1), rx.recv()).await {
                    sum += v;
                }
            }
            sum
        });
        check("sum of the messages", sum, sum_below(N));
    });
}

/// 503 tasks in a ring; an operation is a hop.
pub(crate) fn ring(r: &Recorder) {
    const MEMBERS: usize = 503;
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let end = on_tokio(async {
            let (first, mut input) = mpsc::channel(1);
            let (done, mut is_done) = mpsc::channel(1);
            for _ in 0..MEMBERS - 1 {
                let (output, next) = mpsc::channel(1);
                tokio::spawn(ring_member(input, output, done.clone()));
                input = next;
            }
            tokio::spawn(ring_member(input, first.clone(), done));
            send(&first, N).await;
            is_done.recv().await
        });
        check("what the ring says at the end", end, Some(1));
    });
}

/// Passes on each number less one, until it is 0.
async fn ring_member(mut input: Receiver<isize>, output: Sender<isize>, done: Sender<isize>) {
    while let Some(v) = input.recv().await {
        if v == 0 {
            send(&done, 1).await;
            return;
        }
        // Who saw 0 is gone, and so is its end of the channel; nothing follows.
        let _ = output.send(v - 1).await;
    }
}

/// A tree of tasks with ten children each, which adds up the numbers of its leaves.
pub(crate) fn skynet_1m(r: &Recorder) {
    let n = r.size_or(1_000_000) as isize;
    r.best((n * 10 / 9) as usize, || {
        let sum = on_tokio(async move {
            let (tx, mut rx) = mpsc::channel(1);
            tokio::spawn(skynet(tx, 0, n, 10));
            rx.recv().await.unwrap_or_default()
        });
        check("sum of the leaves", sum, sum_below(n));
    });
}

/// Sends the sum of the numbers `num .. num + size` to `c`. In a box, as a future cannot contain itself.
fn skynet(c: Sender<isize>, num: isize, size: isize, div: isize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if size == 1 {
            return send(&c, num).await;
        }
        let (tx, mut rx) = mpsc::channel(1);
        for i in 0..div {
            tokio::spawn(skynet(tx.clone(), num + i * (size / div), size / div, div));
        }
        let mut sum = 0;
        for _ in 0..div {
            sum += rx.recv().await.unwrap_or_default();
        }
        send(&c, sum).await;
    })
}

/// What a task sends: the numbers below `n`.
fn producer(capacity: usize, n: isize) -> Receiver<isize> {
    let (tx, rx) = mpsc::channel(capacity);
    tokio::spawn(async move {
        for i in 0..n {
            send(&tx, i).await;
        }
    });
    rx
}

/// Sends to somebody who is there.
async fn send(tx: &Sender<isize>, value: isize) {
    tx.send(value).await.expect("somebody receives");
}
