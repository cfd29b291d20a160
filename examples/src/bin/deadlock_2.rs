//! Sending to oneself: the receive that would let the send go on comes after it.
//!
//! Go: the first `hello world` program of seed 003, Channel 基本使用. `unbuffered` and `close_and_range` are the cures.
//!
//! Run: `cargo run --release -p goconc-examples --bin deadlock_2`. It ends with exit status 2 and, on standard error:
//!
//! ```text
//! fatal error: all goroutines are asleep - deadlock!
//!
//! goroutine 1 [chan send]:
//! ```

use goconc::prelude::*;

#[goroutine]
fn main() {
    let channel1 = Chan::<&str>::new();
    channel1.send("hello world");
    println!("{}", channel1.recv_or_default());
}
