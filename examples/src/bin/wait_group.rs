//! Main waits for ten workers.
//!
//! Go: the program of seed 002, 深入理解 WaitGroup. The order of the lines is random in Go and here; the test sorts them.
//!
//! Run: `cargo run --release -p goconc-examples --bin wait_group`

use std::sync::Arc;

use goconc::{prelude::*, sync::WaitGroup};

fn worker(i: i32) {
    println!("worker:  {i}");
}

#[goroutine]
fn main() {
    let wg = Arc::new(WaitGroup::new()); // shared, never copied: what Go's `&wg` is for
    for i in 0..10 {
        wg.add(1);
        go!([wg] {
            worker(i);
            wg.done();
        });
    }
    wg.wait();
}
