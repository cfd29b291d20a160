use goconc::prelude::*;

fn start() -> Option<i32> {
    go! {
        let n: i32 = "1".parse().ok()?;
        println!("{n}");
    }
    None
}

fn main() {
    start();
}
