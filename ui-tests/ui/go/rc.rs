use goconc::prelude::*;
use std::rc::Rc;

fn main() {
    let text = Rc::new("hi");
    go! { println!("{text}") }
}
