use goconc::prelude::*;

fn main() {
    let n = 1;
    go!([n] {
        n += 1;
        println!("{n}");
    });
}
