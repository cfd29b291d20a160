use goconc::prelude::*;

fn main() {
    let ch = Chan::new();
    for i in 0..3 {
        go!(|| ch.send(i));
    }
}
