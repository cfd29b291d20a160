//! A thousand goroutines count: once with a lock, once with an atomic.
//!
//! Go: `Counter`, `MutexCounter` and `AtomicCounter` of seed 001, 原子操作. The seed's third, `CommonCounter`, which loses
//! counts, does not compile here: data that two goroutines may write is in a lock or atomic. The seed prints the time
//! taken as well, which is different each time.
//!
//! Run: `cargo run --release -p goconc-examples --bin counter`

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use goconc::{prelude::*, sync::WaitGroup};

trait Counter: Send + Sync + 'static {
    fn inc(&self);
    fn load(&self) -> i64;
}

/// The lock is std's, which stops the thread: good enough when it is held for one addition.
#[derive(Debug, Default)]
struct MutexCounter(Mutex<i64>);

impl Counter for MutexCounter {
    fn inc(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn load(&self) -> i64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct AtomicCounter(AtomicI64);

impl Counter for AtomicCounter {
    fn inc(&self) {
        self.0.fetch_add(1, Relaxed); // the WaitGroup publishes it
    }

    fn load(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

fn test(c: Arc<impl Counter>) -> i64 {
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..1000 {
        wg.add(1);
        go!([c, wg] {
            c.inc();
            wg.done();
        });
    }
    wg.wait();
    c.load()
}

#[goroutine]
fn main() {
    println!("mutex:  {}", test(Arc::new(MutexCounter::default())));
    println!("atomic: {}", test(Arc::new(AtomicCounter::default())));
}
