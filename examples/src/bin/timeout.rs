//! Not waiting for ever: a select with a timer.
//!
//! Go: `demo2` of seed 000, 通道误用示例, with its repair, and the end of main of seed 003, 信号通知 (without the signal): a result, or
//! none in time. The seed's `ch` is unbuffered, so that the goroutine whose result comes too late waits for ever to send it; with
//! room for one it ends. What is not worth waiting for is a minute here, so that the output never depends on the clock.
//!
//! Run: `cargo run --release -p goconc-examples --bin timeout`

use std::time::Duration;

use goconc::{Send, prelude::*};

/// Works for so long, then sends its result.
#[goroutine]
fn job(work: Duration, result: Send<&'static str>) {
    time::sleep(work);
    result.send("job result");
}

fn demo2(work: Duration, patience: Duration) {
    let ch = Chan::with_capacity(1); // the seed's has no room: `job` would leak
    go!(job(work, &ch));

    select! {
        result := <-ch => println!("{result}"),
        <-time::after(patience) => println!("timeout"),
    }
}

#[goroutine]
fn do_cleanup(closed: Send<()>) {
    time::sleep(time::MINUTE);
    closed.close();
}

#[goroutine]
fn main() {
    demo2(Duration::ZERO, time::MINUTE);
    demo2(time::MINUTE, 50 * time::MILLISECOND);

    let closed = Chan::new();
    go!(do_cleanup(&closed));
    select! {
        <-closed => {}
        <-time::after(50 * time::MILLISECOND) => println!("清理超时，不等了"),
    }
    println!("优雅退出");
}
