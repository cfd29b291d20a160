use goconc::prelude::*;

fn main() {
    go!();
}
