use goconc::prelude::*;

fn main() {
    let wg = sync::WaitGroup::new();
    wg.add(1);
    go!([wg] wg.done());
    wg.wait();
}
