use goconc::prelude::*;

#[goroutine]
extern "C" fn callback() {}

fn main() {}
