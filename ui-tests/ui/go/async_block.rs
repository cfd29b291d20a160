use goconc::prelude::*;

fn main() {
    go! { async { println!("hi") } }
}
