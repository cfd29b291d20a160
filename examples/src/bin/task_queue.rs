//! Ten tasks in a closed, buffered channel; three goroutines take them out until it is empty.
//!
//! Go: `demo1` of seed 000 (通道误用示例, 示例1), without its bug. The seed's goroutines never end: `task := <-ch` goes on
//! giving zero once the channel is closed. Here `recv` gives `None` then, and `for` ends by itself. The order of the
//! lines is random in Go and here; the test sorts them.
//!
//! Run: `cargo run --release -p goconc-examples --bin task_queue`

use std::sync::Arc;

use goconc::{prelude::*, sync::WaitGroup};

#[goroutine]
fn main() {
    let wg = Arc::new(WaitGroup::new());
    let ch = Chan::<i32>::with_capacity(10);
    for i in 0..10 {
        ch.send(i);
    }
    ch.close();

    wg.add(3);
    for _ in 0..3 {
        go!([ch, wg] {
            for task in &ch {
                println!("{task}");
            }
            wg.done();
        });
    }
    wg.wait();
}
