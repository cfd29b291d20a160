//! The sender closes the channel, and so the receiver's loop ends.
//!
//! Go: the last `hello world` program of seed 003, Channel 基本使用: `deadlock_3`, cured.
//!
//! Run: `cargo run --release -p goconc-examples --bin close_and_range`

use goconc::prelude::*;

#[goroutine]
fn main() {
    let channel1 = Chan::<String>::new();
    go!([channel1] {
        for i in 0..3 {
            channel1.send(format!("hello world-{}", i + 1));
        }
        channel1.close();
    });
    for msg in &channel1 {
        println!("{msg}");
    }
}
