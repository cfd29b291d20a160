//! A trace code that every log line of a request carries, without being passed along.
//!
//! Go: the trace code of seed 000, WithValue, which Go has to put into a context. `goroutine_local!` is `thread_local!` for
//! goroutines: many requests share a thread, none sees the value of another, even after it has waited.
//!
//! Run: `cargo run --release -p goconc-examples --bin goroutine_local`

use std::cell::Cell;

use goconc::prelude::*;

goroutine_local! {
    static TRACE_CODE: Cell<u32> = const { Cell::new(0) };
}

fn log(message: &str) -> String {
    format!("worker, trace code:{} {message}", TRACE_CODE.with(Cell::get))
}

fn handle(code: u32) -> [String; 2] {
    TRACE_CODE.with(|c| c.set(code));
    let first = log("db connecting ...");
    runtime::gosched(); // the others set theirs
    [first, log("worker done!")]
}

#[goroutine]
fn main() {
    let workers: Vec<_> = (1..=3).map(|i| goconc::spawn(move || handle(i * 1111))).collect();
    for worker in workers {
        match worker.join() {
            Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
            Err(panic) => println!("{panic}"),
        }
    }
    println!("{}", log("main has none"));
}
