//! Mirrors `sync::waitgroup` and `wait::sema`: `wait` returns once, after every `done`, with what was done before them
//! visible, and nothing of the group is touched after the last waiter may have freed it.
//!
//! Fails with the flaws `order` (`add` with Relaxed: what was done races), `token` (a release before the acquire is not
//! remembered), `store` (the state is stored after the release: a waiter finds its group reused) and `touch` (`done` looks
//! at the group once more: it may be gone).

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::collections::VecDeque;
use std::sync::Arc;

use loom::cell::{Cell, UnsafeCell};
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};
use crate::sys::atomic::AtomicUsize;

const ONE: usize = 1 << 32;

fn split(state: usize) -> (i32, u32) {
    ((state >> 32) as u32 as i32, state as u32)
}

#[derive(Default)]
struct Waiting {
    tokens: u32,
    queue: VecDeque<Arc<Signal>>,
}

struct Sema {
    lock: ByteLock,
    inside: UnsafeCell<Waiting>,
}

impl Sema {
    /// Under the lock.
    fn with<R>(&self, f: impl FnOnce(&mut Waiting) -> R) -> R {
        // SAFETY: the caller holds the lock, and loom checks it.
        self.inside.with_mut(|inside| f(unsafe { &mut *inside }))
    }

    fn acquire(&self) {
        self.lock.lock();
        if self.with(|w| w.tokens.checked_sub(1).map(|left| w.tokens = left)).is_some() {
            return self.lock.unlock();
        }
        let note = Arc::new(Signal::new());
        self.with(|w| w.queue.push_back(Arc::clone(&note)));
        self.lock.unlock();
        note.sleep();
    }

    fn release(&self, n: u32, flaw: Flaw) {
        self.lock.lock();
        let woken: Vec<_> = (0..n).map_while(|_| self.with(|w| w.queue.pop_front())).collect();
        if !flaw.is("token") {
            self.with(|w| w.tokens += n - woken.len() as u32);
        }
        self.lock.unlock();
        woken.iter().for_each(|note| note.wakeup());
    }
}

struct WaitGroup {
    state: AtomicUsize,
    sema: Sema,
    flaw: Flaw,
    /// Stands for its memory: who uses the group reads it, who frees it writes it.
    memory: UnsafeCell<()>,
    /// What the goroutines have done.
    results: [Cell<usize>; 2],
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for WaitGroup {}
// SAFETY: as above.
unsafe impl Send for WaitGroup {}

impl WaitGroup {
    fn new(flaw: Flaw, counter: usize) -> Arc<WaitGroup> {
        Arc::new(WaitGroup {
            state: AtomicUsize::new(counter * ONE),
            sema: Sema { lock: ByteLock::new(), inside: UnsafeCell::new(Waiting::default()) },
            flaw,
            memory: UnsafeCell::new(()),
            results: [0, 0].map(Cell::new),
        })
    }

    fn use_memory(&self) {
        self.memory.with(|_| ());
    }

    /// By a waiter that owns the group and returns.
    fn free_memory(&self) {
        self.memory.with_mut(|_| ());
    }

    fn done(&self) {
        self.use_memory();
        let change = ONE.wrapping_neg();
        let order = if self.flaw.is("order") { Relaxed } else { AcqRel };
        let state = self.state.fetch_add(change, order).wrapping_add(change);
        let (counter, waiters) = split(state);
        if counter > 0 && waiters == 0 || state == 0 {
            if self.flaw.is("touch") {
                self.use_memory();
            }
            return;
        }
        assert!(counter >= 0, "negative counter");
        if counter > 0 || waiters == 0 {
            return;
        }
        assert_eq!(self.state.load(Relaxed), state, "add called concurrently with wait");
        if !self.flaw.is("store") {
            self.state.store(0, Release);
        }
        self.sema.release(waiters, self.flaw);
        if self.flaw.is("store") {
            self.state.store(0, Release);
        }
    }

    fn wait(&self) {
        let mut state = self.state.load(Acquire);
        loop {
            if split(state).0 == 0 {
                return;
            }
            match self.state.compare_exchange_weak(state, state + 1, Relaxed, Acquire) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        self.sema.acquire();
        assert_eq!(self.state.load(Acquire), 0, "reused before the previous wait has returned");
    }
}

/// Two goroutines and one waiter, which then frees the group.
fn two_done(flaw: Flaw) {
    loom::model(move || {
        let wg = WaitGroup::new(flaw, 2);
        let goroutines = [0, 1].map(|i| {
            let wg = Arc::clone(&wg);
            thread::spawn(move || {
                wg.results[i].set(i + 1);
                wg.done();
            })
        });
        wg.wait();
        assert_eq!(wg.results[0].get() + wg.results[1].get(), 3);
        wg.free_memory();
        goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    });
}

/// Two waiters and one goroutine.
fn two_waiters(flaw: Flaw) {
    loom::model(move || {
        let wg = WaitGroup::new(flaw, 1);
        let waiters = [(); 2].map(|()| {
            let wg = Arc::clone(&wg);
            thread::spawn(move || {
                wg.wait();
                assert_eq!(wg.results[0].get(), 1);
            })
        });
        wg.results[0].set(1);
        wg.done();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn wait_returns_after_every_done() {
    two_done(Flaw::None);
}

#[test]
fn every_waiter_goes_on() {
    two_waiters(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_done_releases_nothing() {
    two_done(Flaw::Here("order"));
}

#[test]
#[should_panic]
fn fails_when_a_token_is_not_remembered() {
    two_waiters(Flaw::Here("token"));
}

#[test]
#[should_panic]
fn fails_when_the_state_is_stored_late() {
    two_waiters(Flaw::Here("store"));
}

#[test]
#[should_panic]
fn fails_when_done_touches_a_freed_group() {
    two_done(Flaw::Here("touch"));
}
