//! Ranging over a channel that nobody closes: after the last value main waits for ever.
//!
//! Go: the third `hello world` program of seed 003, Channel 基本使用. `close_and_range` is the same program with the `close`.
//!
//! Run: `cargo run --release -p goconc-examples --bin deadlock_3`. It prints three lines, then ends with exit status 2
//! and, on standard error:
//!
//! ```text
//! fatal error: all goroutines are asleep - deadlock!
//!
//! goroutine 1 [chan receive]:
//! ```

use goconc::prelude::*;

#[goroutine]
fn main() {
    let channel1 = Chan::<String>::new();
    go!([channel1] {
        for i in 0..3 {
            channel1.send(format!("hello world-{}", i + 1));
        }
    });
    for msg in &channel1 {
        println!("{msg}");
    }
}
