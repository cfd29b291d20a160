//! Fan-out: every value of one channel goes to each of three.
//!
//! Go: `fanOut` of seed 003, 扇出模式, with `async` false. (With `async` true the seed's function may close an output that a
//! goroutine is still sending to: `panic: send on closed channel`.)
//!
//! Run: `cargo run --release -p goconc-examples --bin fan_out`

use std::sync::Arc;

use goconc::{chan::Send, prelude::*, sync::WaitGroup};

fn fan_out(ch: Recv<i32>, out: Vec<Send<i32>>) {
    go! {
        for v in &ch {
            for out in &out {
                out.send(v); // one slow receiver holds up all of them
            }
        }
        for out in &out {
            out.close();
        }
    }
}

#[goroutine]
fn observer(values: Recv<i32>, sum: Send<i32>, wg: &WaitGroup) {
    sum.send(values.iter().sum());
    wg.done();
}

#[goroutine]
fn main() {
    let source = Chan::<i32>::new();
    let outputs: [Chan<i32>; 3] = std::array::from_fn(|_| Chan::new());
    let sums = Chan::<i32>::with_capacity(outputs.len());
    let wg = Arc::new(WaitGroup::new());

    fan_out(source.receiver(), outputs.iter().map(Chan::sender).collect());
    for output in &outputs {
        wg.add(1);
        go!(observer(output, &sums, &wg));
    }
    for v in 1..=100 {
        source.send(v);
    }
    source.close();

    wg.wait();
    sums.close();
    for sum in &sums {
        println!("{sum}");
    }
}
