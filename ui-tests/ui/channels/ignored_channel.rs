#![deny(warnings)]
use goconc::prelude::*;

fn main() {
    Chan::<i32>::new();
    let ch = Chan::<i32>::with_capacity(1);
    ch.sender();
    ch.receiver();
    ch.iter();
    ch.try_iter();
    ch.split();
}
