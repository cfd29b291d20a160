//! Each goroutine of a loop has its own `i`.
//!
//! Go: 案例二 of seed 002, where five goroutines share one `i` and mostly print 5. Go has one `i` per turn since 1.22; here a
//! goroutine's closure always owns what it names. The order is random in Go and here; the test sorts the lines.
//!
//! Run: `cargo run --release -p goconc-examples --bin loop_variable`

use std::sync::Arc;

use goconc::{prelude::*, sync::WaitGroup};

#[goroutine]
fn main() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(5);
    for i in 0..5 {
        go!([wg] {
            println!("{i}");
            wg.done();
        });
    }
    wg.wait();
}
