use goconc::prelude::*;

fn worker() {}

fn main() {
    go!(name = 5, worker());
}
