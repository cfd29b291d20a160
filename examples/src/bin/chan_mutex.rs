//! A lock made of a channel: whoever has received its one element holds the lock.
//!
//! Go: `Mutex`, `NewMutex` and main of seed 003, 锁, which also tries `LockTimeout` here; then `add` of seed 000,
//! sync.Mutex互斥锁: two goroutines add 5000 each, and none is lost.
//!
//! Run: `cargo run --release -p goconc-examples --bin chan_mutex`

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use goconc::{prelude::*, sync::WaitGroup};

#[derive(Clone, Debug)]
struct Mutex {
    ch: Chan<()>,
}

impl Mutex {
    fn new() -> Mutex {
        let ch = Chan::with_capacity(1);
        ch.send(());
        Mutex { ch }
    }

    fn lock(&self) {
        self.ch.recv();
    }

    fn unlock(&self) {
        if self.ch.try_send(()).is_err() {
            panic!("unlock of unlocked mutex");
        }
    }

    fn try_lock(&self) -> bool {
        self.ch.try_recv().is_ok()
    }

    fn lock_timeout(&self, timeout: Duration) -> bool {
        select! {
            <-self.ch => true,
            <-time::after(timeout) => false, // a timer that is dropped need not be stopped
        }
    }

    fn is_locked(&self) -> bool {
        self.ch.is_empty()
    }
}

fn add(x: &AtomicI64, m: &Mutex) {
    for _ in 0..5000 {
        m.lock();
        x.store(x.load(Relaxed) + 1, Relaxed); // two steps on purpose: only the lock makes one of them
        m.unlock();
    }
}

#[goroutine]
fn main() {
    let m = Mutex::new();
    println!("locked v {}", m.try_lock());
    println!("locked {}", m.try_lock());
    println!("locked in time {}", m.lock_timeout(10 * time::MILLISECOND));
    m.unlock();
    println!("is locked {}", m.is_locked());

    let x = Arc::new(AtomicI64::new(0));
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    for _ in 0..2 {
        go!([x, m, wg] {
            add(&x, &m);
            wg.done();
        });
    }
    wg.wait();
    println!("{}", x.load(Relaxed));
}
