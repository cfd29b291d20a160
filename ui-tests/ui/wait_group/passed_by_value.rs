// In Go it compiles, and `Wait` waits for ever for a copy.
use goconc::prelude::*;

fn worker(wg: sync::WaitGroup) {
    wg.done();
}

fn main() {
    let wg = sync::WaitGroup::new();
    wg.add(1);
    go!(worker(wg));
    wg.wait();
}
