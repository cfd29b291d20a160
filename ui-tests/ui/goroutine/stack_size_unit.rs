use goconc::prelude::*;

#[goroutine(stack_size = "256 KB")]
fn main() {}
