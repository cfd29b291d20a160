use goconc::prelude::*;

#[goroutine]
struct Worker;

fn main() {}
