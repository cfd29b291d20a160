//! What the scheduler works with: CPUs, Ps, goroutines.
//!
//! Go: `runtime.NumCPU`, `runtime.GOMAXPROCS` and `runtime.Gosched`, seed 000, GOMAXPROCS. The numbers are those of the
//! machine; the test looks at their form. Try `GOMAXPROCS=1`.
//!
//! Run: `cargo run --release -p goconc-examples --bin runtime_info`

use goconc::prelude::*;

#[goroutine]
fn main() {
    println!("NumCPU:       {}", runtime::num_cpu());
    println!("GOMAXPROCS:   {}", runtime::gomaxprocs(0)); // below 1: only asks
    println!("NumGoroutine: {}", runtime::num_goroutine());

    let before = runtime::gomaxprocs(1); // Go: the old value is returned
    println!("GOMAXPROCS was {before}, is {}", runtime::gomaxprocs(0));

    let ready = Chan::<()>::with_capacity(1);
    go!([ready] { ready.send(()) });
    while ready.is_empty() {
        runtime::gosched(); // let the other one run: with one P it cannot otherwise
    }
    println!("the other goroutine has run");
}
