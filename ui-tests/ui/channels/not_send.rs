use goconc::prelude::*;
use std::rc::Rc;

fn main() {
    let ch = Chan::<Rc<i32>>::new();
    go!([ch] ch.close());
}
