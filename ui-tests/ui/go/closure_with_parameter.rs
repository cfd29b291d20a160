use goconc::prelude::*;

fn main() {
    for i in 0..5 {
        go!(|i| println!("{i}"));
    }
}
