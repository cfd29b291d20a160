use goconc::prelude::*;

fn main() {
    let ch = Chan::<i32>::new();
    let (_tx, _rx) = ch.split();
    ch.close();
}
