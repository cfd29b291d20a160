use goconc::prelude::*;

fn worker(_id: u32, _text: &str) {}

fn main() {
    let id = 1;
    go!(worker(id));
}
