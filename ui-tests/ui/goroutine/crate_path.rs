use goconc::prelude::*;

#[goroutine(crate = 5)]
fn main() {}
