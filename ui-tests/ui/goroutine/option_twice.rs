use goconc::prelude::*;

#[goroutine(gomaxprocs = 4, gomaxprocs = 2)]
fn main() {}
