use goconc::prelude::*;

#[goroutine(unsafe(sticky))]
fn main() {}
