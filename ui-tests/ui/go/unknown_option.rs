use goconc::prelude::*;

fn worker() {}

fn main() {
    go!(priority = 1, worker());
}
