//! One to many and back: closing a channel stops ten goroutines, and each reports on another that it has.
//!
//! Go: `run` and main of seed 002, 通过关闭 channel 实现一对多的通知; the same `run` is its 超时控制. The seed's second is 20 ms here.
//! How often `hello` comes depends on the clock; the test counts the lines `stop...`.
//!
//! Run: `cargo run --release -p goconc-examples --bin stop_signal`

use goconc::{Send, prelude::*};

const GOROUTINES: usize = 10;

#[goroutine]
fn run(stop: Recv<()>, done: Send<()>) {
    loop {
        select! {
            <-stop => {
                println!("stop...");
                done.send(());
                return;
            }
            <-time::after(20 * time::MILLISECOND) => println!("hello"),
        }
    }
}

#[goroutine]
fn main() {
    let stop = Chan::<()>::new(); // one to many
    let done = Chan::<()>::with_capacity(GOROUTINES); // many to one
    for _ in 0..GOROUTINES {
        go!(run(&stop, &done));
    }

    time::sleep(100 * time::MILLISECOND);
    stop.close();

    for _ in 0..GOROUTINES {
        done.recv();
    }
}
