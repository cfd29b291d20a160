//! A semaphore made of a buffered channel: at most four workers at a time.
//!
//! Go: `NewSemaphore` of seed 003, Semaphore, in place of the weighted one of the program before it there, which gives
//! each worker one element of a slice. A `scope` lets the workers write to the slice without sharing it.
//!
//! Run: `cargo run --release -p goconc-examples --bin semaphore`

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use goconc::prelude::*;

const MAX_WORKERS: usize = 4; // the seed: runtime.GOMAXPROCS(0)

#[derive(Debug)]
struct Semaphore {
    ch: Chan<()>,
}

impl Semaphore {
    /// With capacity 1 it is a mutex.
    fn new(capacity: usize) -> Semaphore {
        Semaphore { ch: Chan::with_capacity(capacity.max(1)) }
    }

    /// Takes a slot; waits while there is none.
    fn lock(&self) {
        self.ch.send(());
    }

    /// Gives the slot back.
    fn unlock(&self) {
        self.ch.recv();
    }
}

#[goroutine]
fn main() {
    let sema = Semaphore::new(MAX_WORKERS);
    let (active, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut task = vec![0; MAX_WORKERS * 4];

    goconc::scope(|s| {
        for (i, slot) in task.iter_mut().enumerate() {
            sema.lock(); // waits here while all workers are busy
            let (sema, active, most) = (&sema, &active, &most);
            s.go(move || {
                most.fetch_max(active.fetch_add(1, SeqCst) + 1, SeqCst);
                time::sleep(Duration::from_millis(10)); // an expensive task
                *slot = i + 1;
                active.fetch_sub(1, SeqCst);
                sema.unlock();
            });
        }
    });

    println!("{task:?}");
    println!("never more than {MAX_WORKERS}: {}", most.load(SeqCst) <= MAX_WORKERS);
}
