//! One to many and back: closing a channel stops ten goroutines, and each reports on another that it has.
//!
//! Go: `run` and main of seed 002, 通过关闭 channel 实现一对多的通知. The seed waits for a second or the stop, whichever is first;
//! here each goroutine sleeps and then looks (the way of 信号通知 in seed 003): `try_recv` is Go's select with default.
//! How often `hello` comes depends on the clock; the test counts the lines `stop...`.
//!
//! Run: `cargo run --release -p goconc-examples --bin stop_signal`

use std::time::Duration;

use goconc::{Send, chan::TryRecvError, prelude::*};

const GOROUTINES: usize = 10;

#[goroutine]
fn run(stop: Recv<()>, done: Send<()>) {
    while stop.try_recv() != Err(TryRecvError::Closed) {
        println!("hello");
        time::sleep(Duration::from_millis(20));
    }
    println!("stop...");
    done.send(());
}

#[goroutine]
fn main() {
    let stop = Chan::<()>::new(); // one to many
    let done = Chan::<()>::with_capacity(GOROUTINES); // many to one
    for _ in 0..GOROUTINES {
        go!(run(&stop, &done));
    }

    time::sleep(Duration::from_millis(100));
    stop.close();

    for _ in 0..GOROUTINES {
        done.recv();
    }
}
