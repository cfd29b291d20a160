use goconc::prelude::*;

fn main() {
    defer!();
}
