use goconc::prelude::*;

#[goroutine(migrate)]
fn main() {}
