use goconc::prelude::*;
use std::rc::Rc;

fn main() {
    let n = Rc::new(1);
    go!([n] { println!("{n}"); });
}
