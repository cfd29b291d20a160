//! A hundred thousand goroutines: each adds its number to a sum.
//!
//! Go: the `Hello Goroutine!` program with its `sync.WaitGroup` (seed 001), as many times as the seeds say it can be done
//! (seed 000: 可以创建成千上万个goroutine). The sum does not depend on the order in which they run.
//!
//! Run: `cargo run --release -p goconc-examples --bin hello -- [N]`

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use goconc::{prelude::*, sync::WaitGroup};

static COUNT: AtomicU64 = AtomicU64::new(0);
static SUM: AtomicU64 = AtomicU64::new(0);

fn hello(i: u64, wg: &WaitGroup) {
    COUNT.fetch_add(1, Relaxed); // `wg` publishes both to main
    SUM.fetch_add(i, Relaxed);
    wg.done();
}

#[goroutine]
fn main() {
    let n = goconc_examples::number_arg("N", 100_000);
    let wg = Arc::new(WaitGroup::new());
    for i in 0..n {
        wg.add(1);
        go!(hello(i, &wg));
    }
    wg.wait();
    println!("{} goroutines said hello, sum {}", COUNT.load(Relaxed), SUM.load(Relaxed));
}
