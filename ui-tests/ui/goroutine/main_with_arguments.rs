use goconc::prelude::*;

#[goroutine]
fn main(args: Vec<String>) {
    println!("{args:?}");
}
