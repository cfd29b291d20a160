//! A panic in a goroutine that somebody waits for is an error there, and not the end.
//!
//! Go: `f2` of seed 000, recover goroutine中的panic, and its output. In the seed the goroutine recovers by itself and then can
//! only print; `goconc::spawn` gives the panic to whoever calls `join`.
//!
//! Run: `cargo run --release -p goconc-examples --bin panic_join`

use goconc::prelude::*;

fn f2() {
    println!("in goroutine....");
    panic!("panic in goroutine");
}

#[goroutine]
fn main() {
    if let Err(panic) = goconc::spawn(f2).join() {
        println!("recover inner panic:{}", panic.message());
    }
    println!("exit");
}
