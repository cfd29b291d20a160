//! Chinese whispers: a hundred thousand goroutines in a row, each hears a number and says one more.
//!
//! Go: the daisy chain of the talk "Go Concurrency Patterns". All goroutines are there, and waiting, before the first word.
//!
//! Run: `cargo run --release -p goconc-examples --bin daisy_chain -- [N]`

use goconc::{Send, prelude::*};

#[goroutine]
fn whisper(left: Send<u64>, right: Recv<u64>) {
    left.send(1 + right.recv_or_default());
}

#[goroutine]
fn main() {
    let n = goconc_examples::number_arg("N", 100_000);
    let leftmost = Chan::<u64>::new();
    let mut left = leftmost.clone();
    for _ in 0..n {
        let right = Chan::<u64>::new();
        go!(whisper(&left, &right));
        left = right;
    }
    go!(left.send(1));
    println!("{}", leftmost.recv_or_default());
}
