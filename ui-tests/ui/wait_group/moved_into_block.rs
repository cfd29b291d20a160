use goconc::prelude::*;
use std::sync::Arc;

fn main() {
    let wg = Arc::new(sync::WaitGroup::new());
    wg.add(1);
    go! { wg.done() }
    wg.wait();
}
