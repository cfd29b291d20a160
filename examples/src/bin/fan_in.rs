//! Fan-out and fan-in: two goroutines square the numbers of one channel, `merge` makes one channel of their results.
//!
//! Go: `gen`, `sq` and `merge` of "Go Concurrency Patterns: Pipelines and cancellation"; 扇入模式 of seed 003. The order of the
//! merged values is random in Go and here; the program sorts them.
//!
//! Run: `cargo run --release -p goconc-examples --bin fan_in`

use std::sync::Arc;

use goconc::{Send, prelude::*, sync::WaitGroup};

fn generate(nums: impl IntoIterator<Item = u32>) -> Recv<u32> {
    let nums = Vec::from_iter(nums);
    let out = Chan::<u32>::new();
    go!([out] {
        for n in nums {
            out.send(n);
        }
        out.close();
    });
    out.into()
}

fn sq(input: Recv<u32>) -> Recv<u32> {
    let out = Chan::<u32>::new();
    go!([out] {
        for n in &input {
            out.send(n * n);
        }
        out.close();
    });
    out.into()
}

/// Copies the values from `c` to `out` until `c` is closed.
#[goroutine]
fn output(c: Recv<u32>, out: Send<u32>, wg: &WaitGroup) {
    for n in &c {
        out.send(n);
    }
    wg.done();
}

fn merge(cs: [Recv<u32>; 2]) -> Recv<u32> {
    let wg = Arc::new(WaitGroup::new());
    let out = Chan::<u32>::new();
    for c in cs {
        wg.add(1);
        go!(output(c, &out, &wg));
    }
    go!([out] {
        wg.wait();
        out.close(); // only when nobody can send any more
    });
    out.into()
}

#[goroutine]
fn main() {
    let input = generate(1..=10);
    // Both read from `input`.
    let c1 = sq(input.clone());
    let c2 = sq(input);

    let mut squares = Vec::from_iter(merge([c1, c2]));
    squares.sort_unstable();
    for n in squares {
        println!("{n}");
    }
}
