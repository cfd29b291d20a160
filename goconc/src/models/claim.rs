//! Mirrors `wait::Claim` and `chan::select::dynamic`: a waiter with one sudog in each of two lists, which stay there between
//! its waits. It is woken by what makes one of them ready, once, and what comes while it does not wait is not lost.
//!
//! Fails with the flaws `forget` (who meets a sudog of a closed claim takes it off and does not leave it as missed), `blind`
//! (the claim opens although something was missed) and `again` (the claim stays open when it is claimed).

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::Arc;

use loom::cell::Cell;
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};
use crate::sys::atomic::AtomicUsize;

const CLOSED: usize = 0;
const OPEN: usize = 1;
/// A missed sudog is `MISSED << list`. A sum of them stands for the chain: each is in it once at most.
const MISSED: usize = 2;

/// A channel with a list for one sudog, and a count of values that nobody was there for.
struct List {
    lock: ByteLock,
    queued: Cell<bool>,
    values: Cell<usize>,
}

struct Select {
    lists: [List; 2],
    state: AtomicUsize,
    winner: Cell<usize>,
    note: Signal,
    flaw: Flaw,
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Select {}
// SAFETY: as above.
unsafe impl Send for Select {}

impl Select {
    fn new(flaw: Flaw) -> Arc<Select> {
        let list = || List { lock: ByteLock::new(), queued: Cell::new(false), values: Cell::new(0) };
        Arc::new(Select {
            lists: [list(), list()],
            state: AtomicUsize::new(CLOSED),
            winner: Cell::new(usize::MAX),
            note: Signal::new(),
            flaw,
        })
    }

    /// `Sudog::claim`, under the list's lock.
    fn claim(&self, list: usize) -> bool {
        let mut state = self.state.load(Relaxed);
        loop {
            let next = match state {
                OPEN if self.flaw.is("again") => OPEN,
                OPEN => CLOSED,
                _ if self.flaw.is("forget") => state,
                missed => missed + (MISSED << list),
            };
            match self.state.compare_exchange(state, next, AcqRel, Relaxed) {
                Ok(OPEN) => break,
                Ok(_) => return false,
                Err(now) => state = now,
            }
        }
        self.winner.set(list);
        true
    }

    /// A send that waits for nothing: to the waiter, or into the buffer.
    fn send(&self, at: usize) {
        let list = &self.lists[at];
        list.lock.lock();
        let woken = list.queued.get() && {
            list.queued.set(false);
            self.claim(at)
        };
        if !woken {
            list.values.set(list.values.get() + 1);
        }
        list.lock.unlock();
        if woken {
            self.note.wakeup();
        }
    }

    /// A receive if there is a value; else the sudog enters the list.
    fn look_at(&self, at: usize) -> bool {
        let list = &self.lists[at];
        list.lock.lock();
        let ready = list.values.get() > 0;
        if ready {
            list.values.set(list.values.get() - 1);
        } else {
            list.queued.set(true);
        }
        list.lock.unlock();
        ready
    }

    /// A round: from which list the value came. `loose`: the lists that the sudogs are not in.
    fn select(&self, loose: &mut [bool; 2]) -> usize {
        loop {
            self.collect_missed(loose);
            for at in [0, 1] {
                if loose[at] {
                    if self.look_at(at) {
                        return at;
                    }
                    loose[at] = false;
                }
            }
            let opens = match self.flaw.is("blind") {
                true => self.state.swap(OPEN, Release) == OPEN || true,
                false => self.state.compare_exchange(CLOSED, OPEN, Release, Relaxed).is_ok(),
            };
            if opens {
                self.note.sleep();
                let winner = self.winner.get();
                loose[winner] = true;
                return winner;
            }
        }
    }

    fn collect_missed(&self, loose: &mut [bool; 2]) {
        let missed = self.state.swap(CLOSED, Acquire);
        for at in [0, 1] {
            loose[at] |= missed & (MISSED << at) != 0;
        }
    }
}

/// Two senders, and as many rounds: each value is received from where it was sent.
fn two_senders(flaw: Flaw) {
    loom::model(move || {
        let select = Select::new(flaw);
        let senders = [0, 1].map(|at| {
            let select = Arc::clone(&select);
            thread::spawn(move || select.send(at))
        });
        let mut loose = [true; 2];
        let got = [select.select(&mut loose), select.select(&mut loose)];
        assert_eq!(got[0] + got[1], 1);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn each_value_ends_one_round() {
    two_senders(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_missed_ones_are_forgotten() {
    two_senders(Flaw::Here("forget"));
}

#[test]
#[should_panic]
fn fails_when_it_opens_blindly() {
    two_senders(Flaw::Here("blind"));
}

#[test]
#[should_panic]
fn fails_when_it_is_claimed_twice() {
    two_senders(Flaw::Here("again"));
}
