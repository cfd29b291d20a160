//! A channel as a future: one goroutine computes the value, another waits for it.
//!
//! Go: `read` and `write` of seed 002, 使用 channel 做异步编程(future/promise). There main may end before `read` has printed;
//! here it waits. Then the same as a function, and goconc's own form, which also tells of a panic.
//!
//! Run: `cargo run --release -p goconc-examples --bin future`

use goconc::{Send, prelude::*};

/// Can only receive.
#[goroutine]
fn read(c: Recv<i32>, done: Send<()>) {
    println!("read: {}", c.recv_or_default());
    done.close();
}

/// Can only send.
#[goroutine]
fn write(c: Send<i32>) {
    c.send(0);
}

/// Starts computing at once. The buffer lets the goroutine end even if nobody ever asks for the value.
fn future(n: u64) -> Recv<u64> {
    let c = Chan::<u64>::with_capacity(1);
    go!([c] { c.send((1..=n).product()) });
    c.into()
}

#[goroutine]
fn main() {
    let (c, done) = (Chan::<i32>::new(), Chan::<()>::new());
    go!(read(&c, &done));
    write(&c);
    done.recv();

    let factorial = future(10);
    println!("meanwhile, main goes on");
    println!("10! = {}", factorial.recv_or_default());

    let handle = goconc::spawn(|| (1..=100).sum::<u64>());
    match handle.join() {
        Ok(sum) => println!("1 + ... + 100 = {sum}"),
        Err(panic) => println!("it panicked: {panic}"),
    }
}
