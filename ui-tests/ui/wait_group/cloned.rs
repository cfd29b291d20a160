use goconc::prelude::*;

fn main() {
    let wg = sync::WaitGroup::new();
    let _other = wg.clone();
}
