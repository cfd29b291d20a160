//! A pipeline of three stages: numbers, their squares, the squares of those.
//!
//! Go: the first program of "Go Concurrency Patterns: Pipelines and cancellation" (<https://go.dev/blog/pipelines>).
//!
//! Run: `cargo run --release -p goconc-examples --bin pipeline`

use goconc::prelude::*;

/// Go's `gen`, a reserved word in Rust.
fn generate(nums: &[u32]) -> Recv<u32> {
    let nums = nums.to_vec();
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

#[goroutine]
fn main() {
    for n in sq(sq(generate(&[2, 3]))) {
        println!("{n}"); // 16, then 81
    }
}
