//! The first ten Fibonacci numbers, one by one, from a goroutine.
//!
//! Go: "Range and Close" of "A Tour of Go".
//!
//! Run: `cargo run --release -p goconc-examples --bin fibonacci`

use goconc::{Send, prelude::*};

#[goroutine]
fn fibonacci(n: usize, c: Send<u64>) {
    let (mut x, mut y) = (0, 1);
    for _ in 0..n {
        c.send(x);
        (x, y) = (y, x + y);
    }
    c.close();
}

#[goroutine]
fn main() {
    let c = Chan::<u64>::with_capacity(10);
    go!(fibonacci(c.cap(), &c));
    for i in &c {
        println!("{i}");
    }
}
