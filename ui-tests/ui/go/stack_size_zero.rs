use goconc::prelude::*;

fn worker() {}

fn main() {
    go!(stack_size = 0, worker());
}
