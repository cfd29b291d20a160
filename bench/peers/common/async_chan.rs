//! The workloads of channels with many ends, between tasks of tokio.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use crate::on_tokio::{WaitGroup, on_tokio};
use crate::recorder::{Recorder, check, sum_below};

/// A library's channel. It is closed when all senders are gone.
pub(crate) trait Channel {
    type Tx: Clone + Send + Sync + 'static;
    type Rx: Clone + Send + Sync + 'static;

    /// A channel with this capacity, above 0 unless the library has channels without a buffer.
    fn make(capacity: usize) -> (Self::Tx, Self::Rx);
    fn send(tx: &Self::Tx, value: isize) -> impl Future<Output = ()> + Send;
    /// `None` when it is closed.
    fn recv(rx: &Self::Rx) -> impl Future<Output = Option<isize>> + Send;
}

/// There and back; an operation is a round trip.
pub(crate) fn pingpong<C: Channel + 'static>(r: &Recorder) {
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let ((to, there), (back, from)) = (C::make(0), C::make(0));
            tokio::spawn(async move {
                while let Some(v) = C::recv(&there).await {
                    C::send(&back, v).await;
                }
            });
            let mut sum = 0;
            for i in 0..N {
                C::send(&to, i).await;
                sum += C::recv(&from).await.unwrap_or_default();
            }
            sum
        });
        check("sum of the replies", sum, sum_below(N));
    });
}

/// One producer, one consumer.
pub(crate) fn one_to_one<C: Channel + 'static>(r: &Recorder, capacity: usize, n: isize) {
    r.best(n as usize, || {
        let sum = on_tokio(async move {
            let (tx, rx) = C::make(capacity);
            tokio::spawn(async move {
                for i in 0..n {
                    C::send(&tx, i).await;
                }
            });
            drain::<C>(&rx).await
        });
        check("sum of the messages", sum, sum_below(n));
    });
}

/// Four producers, four consumers.
pub(crate) fn four_to_four<C: Channel + 'static>(r: &Recorder, capacity: usize, n: isize) {
    r.best(n as usize, || {
        let total = on_tokio(async move {
            let (tx, rx) = C::make(capacity);
            let wg = Arc::new(WaitGroup::new());
            let total = Arc::new(AtomicIsize::new(0));
            for _ in 0..4 {
                let tx = tx.clone();
                tokio::spawn(async move {
                    for i in 0..n / 4 {
                        C::send(&tx, i).await;
                    }
                });
            }
            drop(tx);
            for _ in 0..4 {
                let (rx, wg, total) = (rx.clone(), wg.clone(), total.clone());
                wg.add(1);
                tokio::spawn(async move {
                    total.fetch_add(drain::<C>(&rx).await, Ordering::Relaxed); // `done` publishes it
                    wg.done();
                });
            }
            wg.wait().await;
            total.load(Ordering::Relaxed)
        });
        check("sum of the messages", total, 4 * sum_below(n / 4));
    });
}

/// A task that sends to itself through a buffer of one.
pub(crate) fn same_task<C: Channel + 'static>(r: &Recorder) {
    const N: isize = 5_000_000;
    r.best(N as usize, || {
        let sum = on_tokio(async {
            let (tx, rx) = C::make(1);
            let mut sum = 0;
            for i in 0..N {
                C::send(&tx, i).await;
                sum += C::recv(&rx).await.unwrap_or_default();
            }
            sum
        });
        check("sum of the messages", sum, sum_below(N));
    });
}

/// The sum of all that comes until the channel is closed.
async fn drain<C: Channel>(rx: &C::Rx) -> isize {
    let mut sum = 0;
    while let Some(v) = C::recv(rx).await {
        sum += v;
    }
    sum
}
