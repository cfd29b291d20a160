use goconc::prelude::*;

fn main() {
    let ch = Chan::<i32>::new();
    ch.send("one");
}
