use goconc::prelude::*;

fn main() {
    let ch = Chan::<i32>::new();
    go!(ch.);
}
