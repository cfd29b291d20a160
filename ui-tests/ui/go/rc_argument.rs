use goconc::prelude::*;
use std::rc::Rc;

fn worker(text: Rc<&str>) {
    println!("{text}");
}

fn main() {
    go!(worker(Rc::new("hi")));
}
