use goconc::prelude::*;

#[goroutine(name = "worker")]
fn worker() {}

fn main() {}
