use goconc::prelude::*;

fn main() {
    let mut x = 1;
    go!(x = 2);
}
