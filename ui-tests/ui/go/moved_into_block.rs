use goconc::prelude::*;

fn main() {
    let ch = Chan::new();
    go! { ch.send(1) }
    ch.recv();
}
