use goconc::prelude::*;

fn main() {
    let x = 5;
    go!(x);
}
