use goconc::prelude::*;
use std::cell::Cell;

static COUNTER: Cell<i32> = Cell::new(0);

fn main() {
    go! { COUNTER.set(COUNTER.get() + 1) }
}
