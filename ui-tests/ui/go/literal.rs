use goconc::prelude::*;

fn main() {
    go!(42);
}
