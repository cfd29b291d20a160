use goconc::prelude::*;

fn main() {
    let x = 1;
    go!(name = "a", priority = 1, stack_size = 0, [&ch, ch, ch, self] x);
}
