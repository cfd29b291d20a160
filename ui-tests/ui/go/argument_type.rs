use goconc::prelude::*;

fn worker(_id: u32) {}

fn main() {
    let id = "one";
    go!(worker(id));
}
