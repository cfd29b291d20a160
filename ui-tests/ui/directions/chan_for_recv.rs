// Only `#[goroutine]` converts.
use goconc::prelude::*;

fn consume(input: Recv<i32>) {
    input.recv();
}

fn main() {
    let ch = Chan::<i32>::new();
    consume(ch);
}
