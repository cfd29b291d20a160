use goconc::prelude::*;

#[goroutine(threads = 4)]
fn main() {}
