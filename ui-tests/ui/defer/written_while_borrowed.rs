use goconc::prelude::*;

fn main() {
    let mut n = 0;
    defer! { n += 1 }
    n += 1;
    println!("{n}");
}
