//! A producer sends the odd numbers below ten, a consumer adds them up; each sees only its end of the channel.
//!
//! Go: `Producer2` and `Consumer2` of seed 000, 单向通道, with the conversions that follow them there. A `Chan` becomes a
//! `Send` or a `Recv` wherever one is asked for; the way back does not compile.
//!
//! Run: `cargo run --release -p goconc-examples --bin producer_consumer`

use goconc::{Send, prelude::*};

/// Go: `func produce(out chan<- int)`
#[goroutine]
fn produce(out: Send<i32>) {
    for i in 0..10 {
        if i % 2 == 1 {
            out.send(i);
        }
    }
    out.close(); // closing is the sender's business: a `Recv` has no `close`
}

/// Go: `func Producer2() <-chan int`
fn producer() -> Recv<i32> {
    let ch = Chan::<i32>::with_capacity(2);
    go!(produce(&ch));
    ch.into()
}

/// Go: `func Consumer2(ch <-chan int) int`
#[goroutine]
fn consumer(ch: Recv<i32>) -> i32 {
    let mut sum = 0;
    for v in &ch {
        sum += v;
    }
    sum
}

#[goroutine]
fn main() {
    let ch2 = producer();
    let res2 = consumer(ch2);
    println!("{res2}"); // 25

    let ch3 = Chan::<i32>::with_capacity(1);
    ch3.send(10);
    ch3.close();
    println!("{}", consumer(&ch3)); // the argument becomes a one-way channel

    let ch4 = Chan::<i32>::with_capacity(1);
    ch4.send(10);
    let ch5: Recv<i32> = ch4.into(); // and so does an assigned one
    println!("{}", ch5.recv_or_default());
}
