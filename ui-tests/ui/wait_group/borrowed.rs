use goconc::prelude::*;

fn worker(wg: &sync::WaitGroup) {
    wg.done();
}

fn main() {
    let wg = sync::WaitGroup::new();
    wg.add(1);
    go!(worker(&wg));
    wg.wait();
}
