use goconc::prelude::*;

#[goroutine(gomaxprocs)]
fn main() {}
