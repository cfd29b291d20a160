use goconc::prelude::*;

#[goroutine(gomaxprocs = 0)]
fn main() {}
