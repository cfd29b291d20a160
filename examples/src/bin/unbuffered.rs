//! An unbuffered channel: sender and receiver meet.
//!
//! Go: `recv` and main of seed 000, 无缓冲的通道: `deadlock_1`, cured by a goroutine that receives. After the meeting both
//! print, in any order (the test sorts). In the seed main may even end before the receiver has printed; here it waits.
//!
//! Run: `cargo run --release -p goconc-examples --bin unbuffered`

use std::sync::Arc;

use goconc::{prelude::*, sync::WaitGroup};

#[goroutine]
fn recv(c: Recv<i32>, wg: &WaitGroup) {
    let ret = c.recv_or_default();
    println!("接收成功 {ret}");
    wg.done();
}

#[goroutine]
fn main() {
    let wg = Arc::new(WaitGroup::new());
    let ch = Chan::<i32>::new();
    wg.add(1);
    go!(recv(&ch, &wg)); // a goroutine that receives from the channel
    ch.send(10);
    println!("发送成功");
    wg.wait();
}
