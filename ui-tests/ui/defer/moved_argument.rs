use goconc::prelude::*;

fn main() {
    let text = String::from("x");
    defer!(drop(text));
    println!("{text}");
}
