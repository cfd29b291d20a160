use goconc::prelude::*;

fn answer() -> i32 {
    42
}

fn main() {
    let n: i32 = go!(answer());
}
