use goconc::prelude::*;

fn worker() {}

fn main() {
    let size: u32 = 65536;
    go!(stack_size = size, worker());
}
