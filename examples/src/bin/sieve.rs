//! The prime sieve: a daisy chain of goroutines, one filter for each prime found.
//!
//! Go: `sieve.go` of Go's own test suite and of the language specification. The filters are abandoned when main returns.
//!
//! Run: `cargo run --release -p goconc-examples --bin sieve -- [N]`

use goconc::{Send, prelude::*};

/// Sends 2, 3, 4, ...
#[goroutine]
fn generate(ch: Send<u32>) {
    for i in 2.. {
        ch.send(i);
    }
}

/// Copies the values from `input` to `out`, except those divisible by `prime`.
#[goroutine]
fn filter(input: Recv<u32>, out: Send<u32>, prime: u32) {
    for i in &input {
        if i % prime != 0 {
            out.send(i);
        }
    }
}

#[goroutine]
fn main() {
    let n = goconc_examples::number_arg("N", 100_u32);
    let mut ch = Chan::<u32>::new();
    go!(generate(&ch));
    for _ in 0..n {
        let prime = ch.recv_or_default(); // prime := <-ch
        println!("{prime}");
        let next = Chan::<u32>::new();
        go!(filter(&ch, &next, prime));
        ch = next;
    }
}
