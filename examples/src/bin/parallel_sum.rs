//! Two goroutines add up the halves of a slice they borrow.
//!
//! Go: "Channels" of "A Tour of Go". In Go the slice is shared and nothing checks that it outlives the goroutines; here
//! `scope` does. Which half is first is random in Go and here, so `x` is the smaller one.
//!
//! Run: `cargo run --release -p goconc-examples --bin parallel_sum`

use goconc::prelude::*;

fn sum(s: &[i32], c: &Chan<i32>) {
    c.send(s.iter().sum());
}

#[goroutine]
fn main() {
    let s = [7, 2, 8, -9, 4, 0];
    let (left, right) = s.split_at(s.len() / 2);
    let c = Chan::<i32>::new();

    goconc::scope(|scope| {
        scope.go(|| sum(left, &c));
        scope.go(|| sum(right, &c));
        let (a, b) = (c.recv_or_default(), c.recv_or_default()); // x, y := <-c, <-c
        let (x, y) = (a.min(b), a.max(b));
        println!("{x} {y} {}", x + y);
    });
}
