//! Mirrors `sync::waitgroup` and `wait::sema`: `wait` returns once, after every `done`, with what was done before them
//! visible, and nothing of the group is touched after the last waiter may have freed it. A select that waits for the group goes
//! on, also when others add to it meanwhile.
//!
//! Fails with the flaws `order` (`add` with Relaxed: what was done races), `token` (a release before the acquire is not
//! remembered), `store` (the state is stored after the release: a waiter finds its group reused), `touch` (`done` looks
//! at the group once more: it may be gone), `watch` (a select asks and sets no bit) and `late` (the bit goes after the wake-up:
//! it may be that of a select that has asked since).

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::collections::VecDeque;
use std::sync::Arc;

use loom::cell::{Cell, UnsafeCell};
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};
use crate::sys::atomic::AtomicUsize;

const ONE: usize = 1 << 32;
const WAITER: usize = 2;
const WATCHED: usize = 1;

fn counter_of(state: usize) -> i32 {
    (state >> 32) as u32 as i32
}

fn waiters_of(state: usize) -> u32 {
    state as u32 / WAITER as u32
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

/// As in `chan::select::waiters`, which has a model of its own.
struct Selects {
    lock: ByteLock,
    epoch: AtomicUsize,
    queue: UnsafeCell<Vec<Arc<Signal>>>,
}

impl Selects {
    /// Under the lock.
    fn with<R>(&self, f: impl FnOnce(&mut Vec<Arc<Signal>>) -> R) -> R {
        // SAFETY: the caller holds the lock, and loom checks it.
        self.queue.with_mut(|queue| f(unsafe { &mut *queue }))
    }

    fn wake_all(&self) {
        self.lock.lock();
        self.epoch.store(self.epoch.load(Relaxed) + 1, Release);
        let all = self.with(core::mem::take);
        self.lock.unlock();
        all.iter().for_each(|note| note.wakeup());
    }

    fn wait_until(&self, ready: impl Fn() -> bool) {
        loop {
            let epoch = self.epoch.load(Acquire);
            if ready() {
                return;
            }
            self.lock.lock();
            if self.epoch.load(Acquire) != epoch {
                self.lock.unlock();
                continue;
            }
            let note = Arc::new(Signal::new());
            self.with(|queue| queue.push(Arc::clone(&note)));
            self.lock.unlock();
            note.sleep();
        }
    }
}

struct WaitGroup {
    state: AtomicUsize,
    sema: Sema,
    selects: Selects,
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
            selects: Selects {
                lock: ByteLock::new(),
                epoch: AtomicUsize::new(0),
                queue: UnsafeCell::new(Vec::new()),
            },
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
        if self.add(-1) {
            self.selects.wake_all();
            if self.flaw.is("late") {
                self.state.fetch_and(!WATCHED, Relaxed);
            }
        }
    }

    fn add(&self, delta: isize) -> bool {
        let change = (delta as usize).wrapping_mul(ONE);
        let order = if self.flaw.is("order") { Relaxed } else { AcqRel };
        let state = self.state.fetch_add(change, order).wrapping_add(change);
        let (counter, others) = (counter_of(state), state as u32);
        if counter > 0 && (others == 0 || delta < 0) || state == 0 {
            if self.flaw.is("touch") {
                self.use_memory();
            }
            return false;
        }
        self.add_slow(state, delta)
    }

    fn add_slow(&self, state: usize, delta: isize) -> bool {
        let (counter, waiters) = (counter_of(state), waiters_of(state));
        assert!(counter >= 0, "negative counter");
        assert!(
            !(waiters != 0 && delta > 0 && counter as isize == delta),
            "add called concurrently with wait"
        );
        if counter > 0 {
            return false;
        }
        if waiters == 0 {
            if self.flaw.is("late") {
                return true;
            }
            return self.state.fetch_and(!WATCHED, Relaxed) & WATCHED != 0;
        }
        assert_eq!(self.state.load(Relaxed), state, "add called concurrently with wait");
        if !self.flaw.is("store") {
            self.state.store(0, Release);
        }
        self.sema.release(waiters, self.flaw);
        if self.flaw.is("store") {
            self.state.store(0, Release);
        }
        state & WATCHED != 0
    }

    fn wait(&self) {
        let mut state = self.state.load(Acquire);
        loop {
            if counter_of(state) == 0 {
                return;
            }
            match self.state.compare_exchange_weak(state, state + WAITER, Relaxed, Acquire) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        self.sema.acquire();
        assert!(self.state.load(Acquire) < WAITER, "reused before the previous wait has returned");
    }

    fn is_zero_or_watch(&self) -> bool {
        let mut state = self.state.load(Acquire);
        while counter_of(state) != 0 {
            if state & WATCHED != 0 || self.flaw.is("watch") {
                return false;
            }
            match self.state.compare_exchange_weak(state, state | WATCHED, Relaxed, Acquire) {
                Ok(_) => return false,
                Err(now) => state = now,
            }
        }
        true
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

/// A select and one goroutine, while another one comes and goes.
fn select_beside_add(flaw: Flaw) {
    loom::model(move || {
        let wg = WaitGroup::new(flaw, 1);
        let goroutine = {
            let wg = Arc::clone(&wg);
            thread::spawn(move || {
                wg.results[0].set(1);
                wg.done();
            })
        };
        let other = {
            let wg = Arc::clone(&wg);
            thread::spawn(move || {
                wg.add(1);
                wg.done();
            })
        };
        wg.selects.wait_until(|| wg.is_zero_or_watch());
        assert_eq!(wg.results[0].get(), 1);
        [goroutine, other].into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A select beside a waiter.
fn select_beside_wait(flaw: Flaw) {
    loom::model(move || {
        let wg = WaitGroup::new(flaw, 1);
        let waiter = {
            let wg = Arc::clone(&wg);
            thread::spawn(move || wg.wait())
        };
        let goroutine = {
            let wg = Arc::clone(&wg);
            thread::spawn(move || {
                wg.results[0].set(1);
                wg.done();
            })
        };
        wg.selects.wait_until(|| wg.is_zero_or_watch());
        assert_eq!(wg.results[0].get(), 1);
        [waiter, goroutine].into_iter().for_each(|thread| thread.join().unwrap());
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
fn a_select_goes_on() {
    select_beside_add(Flaw::None);
    select_beside_wait(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_select_sets_no_bit() {
    select_beside_add(Flaw::Here("watch"));
}

#[test]
#[should_panic]
fn fails_when_the_bit_goes_late() {
    select_beside_add(Flaw::Here("late"));
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
