// `v, ok := <-ch` is an Option here.
use goconc::prelude::*;

fn main() {
    let ch = Chan::<i32>::new();
    let v: i32 = ch.recv();
}
