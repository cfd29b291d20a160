use goconc::prelude::*;

#[goroutine(gomaxprocs = "4")]
fn main() {}
