#![deny(unused_must_use)]
use goconc::prelude::*;

fn main() {
    let ch = Chan::<i32>::new();
    ch.checked_send(1);
}
