//! A panic in any goroutine, if nobody recovers it, ends the process.
//!
//! Go: `f1` of seed 000, recover goroutine中的panic. (Its deferred `recover` in the calling goroutine makes no difference, which
//! is the point of it, and is left out.)
//!
//! Run: `cargo run --release -p goconc-examples --bin panic_in_goroutine`. It ends with exit status 2 and, on standard
//! error, as in the seed:
//!
//! ```text
//! panic: panic in goroutine
//!
//! goroutine 2 [running]:
//! ```

use std::time::Duration;

use goconc::prelude::*;

#[goroutine]
fn main() {
    go! {
        println!("in goroutine....");
        panic!("panic in goroutine");
    }

    time::sleep(Duration::from_secs(10));
    println!("exit"); // never
}
