use goconc::prelude::*;

fn worker() {}

fn main() {
    go!(stack_size = "64 KB", worker());
}
