use goconc::prelude::*;

#[goroutine(sticky, unsafe(migrate))]
fn main() {}
