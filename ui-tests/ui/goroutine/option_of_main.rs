use goconc::prelude::*;

#[goroutine(stack_size = "1 MiB")]
fn worker() {}

fn main() {
    go!(worker());
}
