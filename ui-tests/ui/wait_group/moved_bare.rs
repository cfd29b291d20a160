// GO-033: the counter that is waited for and the one that is counted down would be two in Go.
use goconc::prelude::*;

fn main() {
    let wg = sync::WaitGroup::new();
    wg.add(1);
    go! { wg.done() }
    wg.wait();
}
