use goconc::prelude::*;

fn main() {
    defer!(|x| println!("{x}"));
}
