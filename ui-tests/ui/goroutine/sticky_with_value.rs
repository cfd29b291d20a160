use goconc::prelude::*;

#[goroutine(sticky = true)]
fn main() {}
