use goconc::prelude::*;

#[goroutine]
fn main() -> i32 {
    0
}
