//! A semaphore of one's own that is an arm of a `select!`, as a channel is: waiting for it can time out or be called off.
//!
//! Go: a semaphore made of a channel, as in seed 003, Semaphore, waited for as its `LockTimeout` does it:
//! `select { case s.ch <- struct{}{}: .. case <-time.After(d): .. }`. In Go only channels can be selected on. Here what an arm takes is
//! the permit itself, which gives its slot back when it is dropped.
//!
//! Run: `cargo run --release -p goconc-examples --bin waitable`

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use goconc::{
    chan::{Waitable, Waiters},
    prelude::*,
    sync::WaitGroup,
};

/// Clones are the same semaphore.
#[derive(Clone)]
struct Semaphore(Arc<Slots>);

struct Slots {
    free: AtomicUsize,
    waiters: Waiters,
}

/// A slot that is taken.
struct Permit(Arc<Slots>);

impl Semaphore {
    fn new(capacity: usize) -> Semaphore {
        Semaphore(Arc::new(Slots { free: AtomicUsize::new(capacity), waiters: Waiters::new() }))
    }

    /// Waits as long as it takes.
    fn acquire(&self) -> Permit {
        self.0.waiters.wait_until(|| self.try_take())
    }

    fn acquire_timeout(&self, patience: Duration) -> Option<Permit> {
        select! {
            permit = <-self => Some(permit),
            <-time::after(patience) => None,
        }
    }
}

impl Waitable for Semaphore {
    type Output = Permit;

    fn try_take(&self) -> Option<Permit> {
        let taken = self.0.free.fetch_update(SeqCst, SeqCst, |free| free.checked_sub(1));
        taken.ok().map(|_| Permit(Arc::clone(&self.0)))
    }

    fn waiters(&self) -> &Waiters {
        &self.0.waiters
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, SeqCst); // first there is a slot,
        self.0.waiters.wake_one(); //        then somebody is told
    }
}

/// Comes in when there is a slot, unless the house closes before.
fn visit(slots: &Semaphore, closing: &Recv<()>, inside: &AtomicUsize, most: &AtomicUsize) -> bool {
    select! {
        _permit = <-slots => {
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            time::sleep(time::MILLISECOND);
            inside.fetch_sub(1, SeqCst);
            true
        }
        <-closing => false,
    }
}

#[goroutine]
fn main() {
    let slots = Semaphore::new(2);

    let first = slots.acquire();
    let second = slots.acquire();
    println!("both slots are taken: {}", slots.acquire_timeout(10 * time::MILLISECOND).is_none());
    go! {
        time::sleep(10 * time::MILLISECOND);
        drop(second);
    }
    println!("one becomes free: {}", slots.acquire_timeout(time::MINUTE).is_some());
    drop(first);

    let closing = Chan::<()>::new();
    let visitors = |n: usize| {
        let (inside, most, seen) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        goconc::scope(|s| {
            for _ in 0..n {
                s.go(|| {
                    _ = seen.fetch_add(visit(&slots, &closing.receiver(), &inside, &most).into(), SeqCst)
                });
            }
        });
        (seen.into_inner(), most.into_inner() <= 2)
    };
    let (seen, in_order) = visitors(20);
    println!("{seen} of 20 were inside, never more than 2: {in_order}");

    let (_first, _second) = (slots.acquire(), slots.acquire());
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..20 {
        let (slots, closing) = (slots.clone(), closing.receiver());
        wg.go(move || _ = visit(&slots, &closing, &AtomicUsize::new(0), &AtomicUsize::new(0)));
    }
    println!("20 wait outside: {}", select! { <-wg => false, <-time::after(10 * time::MILLISECOND) => true });
    closing.close();
    wg.wait(); // all of them go home
    println!("closed");
}
