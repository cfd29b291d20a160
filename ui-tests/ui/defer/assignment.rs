use goconc::prelude::*;

fn main() {
    let mut _x = 1;
    defer!(_x = 2);
}
