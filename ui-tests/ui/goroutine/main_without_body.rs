use goconc::prelude::*;

#[goroutine]
fn main();
