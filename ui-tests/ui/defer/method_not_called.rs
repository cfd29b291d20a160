use goconc::prelude::*;

fn main() {
    let wg = sync::WaitGroup::new();
    defer!(wg.done);
}
