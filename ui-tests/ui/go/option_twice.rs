use goconc::prelude::*;

fn worker() {}

fn main() {
    go!(name = "a", name = "b", worker());
}
