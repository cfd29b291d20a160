//! Sending on an unbuffered channel that nobody receives from: a deadlock, and the report says so.
//!
//! Go: the first program of seed 000, 无缓冲的通道.
//!
//! Run: `cargo run --release -p goconc-examples --bin deadlock_1`. It ends with exit status 2 and, on standard error:
//!
//! ```text
//! fatal error: all goroutines are asleep - deadlock!
//!
//! goroutine 1 [chan send]:
//! ```

use goconc::prelude::*;

#[goroutine]
fn main() {
    let ch = Chan::<i32>::new();
    ch.send(10);
    println!("发送成功");
}
