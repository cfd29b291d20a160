use goconc::prelude::*;

fn main() {
    defer!(async { println!("later") });
}
