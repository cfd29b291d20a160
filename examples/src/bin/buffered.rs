//! A buffered channel: as long as there is room, sending needs no receiver.
//!
//! Go: the program of seed 000, 有缓冲的通道 (`deadlock_1`, cured by a buffer), and `len` and `cap`, which it mentions.
//!
//! Run: `cargo run --release -p goconc-examples --bin buffered`

use goconc::prelude::*;

#[goroutine]
fn main() {
    let ch = Chan::<i32>::with_capacity(1); // room for one
    ch.send(10);
    println!("发送成功");
    println!("len:{} cap:{}", ch.len(), ch.cap());
    println!("full: {}", ch.try_send(11).is_err()); // select { case ch <- 11: default: }
}
