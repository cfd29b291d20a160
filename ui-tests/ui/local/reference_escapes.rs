use std::cell::Cell;

goconc::goroutine_local! {
    static DEPTH: Cell<u32> = Cell::new(0);
}

fn main() {
    let depth = DEPTH.with(|depth| depth);
    depth.set(1);
}
