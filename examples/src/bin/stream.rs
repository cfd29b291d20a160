//! A stream without end, of which stages skip some and take some; when the last has enough, all of them stop.
//!
//! Go: `asStream`, `skipN`, `takeN` and `takeWhile` of the course that seed 003 follows (Stream). There a `done` channel that
//! every stage selects on stops them; the receiver of a stage that stops leaves the sender before it waiting for ever.
//! Here a stage that has enough closes the channel it receives from: the `checked_send` of the one before fails, and so
//! on up to the source. Nothing is left behind, and main waits to see it.
//!
//! Run: `cargo run --release -p goconc-examples --bin stream`

use std::sync::Arc;

use goconc::{prelude::*, sync::WaitGroup};

/// Sends what `values` gives until the receiver closes the channel or the values end; then calls `stop`.
fn stage(
    wg: &Arc<WaitGroup>,
    values: impl Iterator<Item = u32> + Send + 'static,
    stop: impl FnOnce() + Send + 'static,
) -> Chan<u32> {
    let out = Chan::<u32>::new();
    wg.add(1);
    go!([out, wg] {
        for v in values {
            if out.checked_send(v).is_err() {
                break;
            }
        }
        close(&out);
        stop();
        wg.done();
    });
    out
}

/// Closes `ch` unless the other side has done so.
fn close(ch: &Chan<u32>) {
    let _already_closed = ch.checked_close();
}

fn numbers(wg: &Arc<WaitGroup>) -> Chan<u32> {
    stage(wg, 1.., || println!("the source has stopped"))
}

fn skip_n(wg: &Arc<WaitGroup>, input: Chan<u32>, n: usize) -> Chan<u32> {
    stage(wg, input.clone().into_iter().skip(n), move || close(&input))
}

fn take_n(wg: &Arc<WaitGroup>, input: Chan<u32>, n: usize) -> Chan<u32> {
    stage(wg, input.clone().into_iter().take(n), move || close(&input))
}

fn take_while(wg: &Arc<WaitGroup>, input: Chan<u32>, f: fn(&u32) -> bool) -> Chan<u32> {
    stage(wg, input.clone().into_iter().take_while(f), move || close(&input))
}

#[goroutine]
fn main() {
    let wg = Arc::new(WaitGroup::new());
    let five = Vec::from_iter(take_n(&wg, skip_n(&wg, numbers(&wg), 3), 5));
    wg.wait();
    println!("{five:?}"); // [4, 5, 6, 7, 8]

    let below_five = Vec::from_iter(take_while(&wg, numbers(&wg), |v| *v < 5));
    wg.wait();
    println!("{below_five:?}"); // [1, 2, 3, 4]
    println!("nothing is left behind");
}
