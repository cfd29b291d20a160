//! Mirrors `sys::note`: a wake-up before, during or after a sleep, or next to its deadline, is not lost, and brings what
//! the waker did. The futex is a mutex and a condition variable: it compares and sleeps in one step, as the kernel does.
//!
//! Fails with the flaws `mark` (SLEEPING is stored without a compare-exchange), `unmark` (so is CLEAR at the deadline),
//! `wake` (the waker does not wake) and `order` (the waker sets with Relaxed). Why CLEAR is stored by an exchange after a
//! wake-up it cannot show: for loom, as on x86, no exchange that comes later misses what an earlier one left.

use std::sync::Arc;

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::cell::Cell;
use loom::sync::atomic::AtomicU32;
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::models::Flaw;

const CLEAR: u32 = 0;
const SLEEPING: u32 = 1;
const SET: u32 = 2;

struct Note {
    word: AtomicU32,
    futex: (Mutex<()>, Condvar),
    flaw: Flaw,
}

impl Note {
    fn futex_wait(&self, expected: u32) {
        let kernel = self.futex.0.lock().unwrap();
        // A read-modify-write: the kernel sees the newest value.
        if self.word.fetch_or(0, Relaxed) == expected {
            drop(self.futex.1.wait(kernel).unwrap());
        }
    }

    fn futex_wake(&self) {
        let _kernel = self.futex.0.lock().unwrap();
        self.futex.1.notify_one();
    }

    /// `Note::sleep_until`; `late`: the deadline is over after the first look.
    fn sleep_until(&self, late: bool) -> bool {
        let mut now = if self.flaw.is("mark") {
            self.word.store(SLEEPING, Release);
            Ok(CLEAR)
        } else {
            self.word.compare_exchange(CLEAR, SLEEPING, Acquire, Acquire)
        };
        loop {
            if now == Err(SET) {
                self.clear();
                return true;
            }
            if late {
                if self.flaw.is("unmark") {
                    self.word.store(CLEAR, Relaxed);
                    return false;
                }
                return match self.word.compare_exchange(SLEEPING, CLEAR, Acquire, Acquire) {
                    Ok(_) => false,
                    Err(_) => {
                        self.clear();
                        true
                    }
                };
            }
            self.futex_wait(SLEEPING);
            now = match self.word.load(Acquire) {
                SET => Err(SET),
                other => Ok(other),
            };
        }
    }

    fn clear(&self) {
        self.word.swap(CLEAR, Acquire);
    }

    fn wakeup(&self) {
        let order = if self.flaw.is("order") { Relaxed } else { Release };
        if self.word.swap(SET, order) == SLEEPING && !self.flaw.is("wake") {
            self.futex_wake();
        }
    }
}

struct Scene {
    note: Note,
    data: Cell<usize>,
}

// SAFETY: the cell is loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

fn scene(flaw: Flaw) {
    loom::model(move || {
        let note = Note { word: AtomicU32::new(CLEAR), futex: (Mutex::new(()), Condvar::new()), flaw };
        let scene = Arc::new(Scene { note, data: Cell::new(0) });
        let waker = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                scene.data.set(1);
                scene.note.wakeup();
            })
        };
        if !scene.note.sleep_until(true) {
            while !scene.note.sleep_until(false) {}
        }
        assert_eq!(scene.data.get(), 1);
        waker.join().unwrap();
        assert_eq!(scene.note.word.load(Relaxed), CLEAR);
    });
}

#[test]
fn a_wake_up_is_not_lost() {
    scene(Flaw::None);
}

/// One waker brings something, the other one just wakes: what the first one brings is seen, whichever comes first.
#[test]
fn of_two_wake_ups_none_is_lost() {
    loom::model(move || {
        let futex = (Mutex::new(()), Condvar::new());
        let note = Note { word: AtomicU32::new(CLEAR), futex, flaw: Flaw::None };
        let scene = Arc::new((note, AtomicU32::new(0)));
        let spawn = |brings| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                if brings {
                    // `next_p.store`. For loom a plain store may come before an exchange that did not read it.
                    scene.1.swap(1, Release);
                }
                scene.0.wakeup();
            })
        };
        let wakers = [spawn(true), spawn(false)];
        loop {
            while !scene.0.sleep_until(false) {}
            if scene.1.swap(0, Acquire) == 1 {
                break;
            }
        }
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}

#[test]
#[should_panic]
fn fails_when_marked_blindly() {
    scene(Flaw::Here("mark"));
}

#[test]
#[should_panic]
fn fails_when_unmarked_blindly() {
    scene(Flaw::Here("unmark"));
}

#[test]
#[should_panic]
fn fails_without_the_wake() {
    scene(Flaw::Here("wake"));
}

#[test]
#[should_panic]
fn fails_without_release() {
    scene(Flaw::Here("order"));
}
