use goconc::prelude::*;

fn main() {
    defer!(5);
    let x = 5;
    defer!(x);
}
