//! Must not move: parking_lot's `ReentrantMutex` lets its thread in again and has a thread-local to know it by.

mod tls_report;

use parking_lot::ReentrantMutex;

#[goconc::goroutine]
fn main() {
    let lock = ReentrantMutex::new(1);
    eprintln!("{}", *lock.lock() + *lock.lock());
    tls_report::report();
}
