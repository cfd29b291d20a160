use goconc::prelude::*;

fn main() {
    loop {
        go! { break; }
    }
}
