use goconc::prelude::*;

fn main() {
    let ch = Chan::new();
    ch.close();
}
