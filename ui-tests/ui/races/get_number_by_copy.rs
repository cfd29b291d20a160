// Not even a race: the goroutine has a number of its own.
#![deny(unused_assignments)]
use goconc::prelude::*;

fn get_number() -> i32 {
    let mut i = 0;
    go!(|| i = 5);
    i
}

fn main() {
    println!("{}", get_number());
}
