//! Two goroutines print in turns: two numbers, two letters, two numbers ...
//!
//! Go: the well-known exercise 交替打印数字和字母: `12AB34CD56EF...`. One channel says "numbers, go on", the other "letters, go on".
//!
//! Run: `cargo run --release -p goconc-examples --bin ordered_printing`

use goconc::{Send, prelude::*};

#[goroutine]
fn numbers(go_on: Recv<()>, letters: Send<()>) {
    for pair in 1.. {
        if go_on.recv().is_none() {
            return;
        }
        print!("{}{}", pair * 2 - 1, pair * 2);
        letters.send(());
    }
}

#[goroutine]
fn main() {
    let (number, letter) = (Chan::<()>::new(), Chan::<()>::new());
    go!(numbers(&number, &letter));
    for pair in ('A'..='Z').collect::<Vec<_>>().chunks(2) {
        number.send(());
        letter.recv();
        print!("{}", String::from_iter(pair));
    }
    number.close();
    println!();
}
