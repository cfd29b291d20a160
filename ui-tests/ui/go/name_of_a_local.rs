use goconc::prelude::*;

fn worker() {}

fn main() {
    let name = String::from("worker 1");
    go!(name = name.as_str(), worker());
}
