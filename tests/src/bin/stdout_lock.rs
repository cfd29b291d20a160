//! Goroutines that hold the lock on stdout across a wait. No thread-locals here: they move otherwise.

use std::io::Write;
use std::sync::Arc;

use goconc::prelude::*;
use goconc::sync::WaitGroup;

#[goroutine]
fn main() {
    time::sleep(std::time::Duration::from_millis(60)); // until the proof is through
    let wg = Arc::new(WaitGroup::new());
    for i in 0..20 {
        wg.go(move || {
            for k in 0..20 {
                let n = i * 100 + k;
                let mut out = std::io::stdout().lock();
                write!(out, "<{n}").unwrap();
                if k % 4 == 0 {
                    time::sleep(std::time::Duration::from_micros(100));
                }
                writeln!(out, " {n}>").unwrap();
                drop(out);
                runtime::gosched();
            }
        });
    }
    wg.wait();
    println!("fine");
}
