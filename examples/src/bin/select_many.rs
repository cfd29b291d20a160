//! Ten thousand channels in one select: each is read until it is closed, and then it is no longer waited for.
//!
//! Go: `reflect.Select` of seed 003, 使用反射操作 Channel, in a fan-in with one goroutine (`fanInReflect`: while there are cases, select;
//! remove the case of a channel that is closed). Go looks at all cases each time. Here the cases stay from one round to the
//! next, and a round costs what has happened since the last one.
//!
//! Run: `cargo run --release -p goconc-examples --bin select_many -- [N]`

use goconc::{
    Send,
    chan::{Select, Selected},
    prelude::*,
};

/// Sends the numbers up to `n`, then closes.
#[goroutine]
fn count_to(n: u64, out: Send<u64>) {
    for i in 1..=n {
        out.send(i);
    }
    out.close();
}

/// Copies what comes out of any of the inputs, in whatever order, until all of them are closed.
#[goroutine]
fn fan_in(inputs: Vec<Recv<u64>>, out: Send<u64>) {
    let mut cases = Select::new();
    for input in inputs {
        cases.recv(input);
    }
    while !cases.is_empty() {
        match cases.select() {
            Selected::Recv(_, Some(value)) => out.send(value),
            Selected::Recv(number, None) => _ = cases.remove(number), // closed: Go removes it from a slice
            Selected::Sent(number) => unreachable!("{number} is a receive"),
        }
    }
    out.close();
}

#[goroutine]
fn main() {
    let n = goconc_examples::number_arg("N", 10_000);
    let mut inputs = Vec::new();
    for i in 0..n {
        let ch = Chan::<u64>::new();
        go!(count_to(i % 3, &ch));
        inputs.push(ch.into());
    }

    let merged = Chan::<u64>::new();
    go!(fan_in(inputs, &merged));
    let (mut count, mut sum) = (0_u64, 0);
    for value in &merged {
        count += 1;
        sum += value;
    }
    println!("{count} values from {n} channels, their sum is {sum}");
}
