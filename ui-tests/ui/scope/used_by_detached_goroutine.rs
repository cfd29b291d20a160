use goconc::prelude::*;

fn main() {
    goconc::scope(|s| {
        go!(|| s.go(|| println!("hi")));
    });
}
