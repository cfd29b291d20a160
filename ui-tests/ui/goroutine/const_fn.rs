use goconc::prelude::*;

#[goroutine]
const fn worker() {}

fn main() {}
