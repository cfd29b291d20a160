use goconc::prelude::*;

fn main() {
    let ch = Chan::new();
    go!(|ch: Chan<i32>| ch.send(1), ch);
}
