//! Mirrors `sched::timers`: an M becomes the keeper, or goes back to sleep as one, while somebody arms an earlier timer: it
//! does not sleep beyond that.
//!
//! Fails with the flaws `keeper` (it looks at the timers before it has said that it is the keeper no longer), `fence` (there is
//! none between the two) and `arm` (whoever arms looks at the keeper first).

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;

use crate::models::{Flaw, Signal};
use crate::sys::atomic::{AtomicUsize, fence};

const NEVER: usize = usize::MAX;
const EARLY: usize = 5;
const LATE: usize = 10;

struct Scene {
    /// `Timers::next`, of one P.
    next: AtomicUsize,
    kept_until: AtomicUsize,
    /// The scheduler's lock.
    idle: Mutex<()>,
    note: Signal,
    flaw: Flaw,
}

impl Scene {
    /// `timers::become_keeper` of an M that is on the parked list.
    fn become_keeper(&self) -> usize {
        let _idle = self.idle.lock().unwrap();
        let early_look = self.next.load(Acquire);
        self.kept_until.store(NEVER, Relaxed);
        if !self.flaw.is("fence") {
            fence(SeqCst);
        }
        let next = if self.flaw.is("keeper") { early_look } else { self.next.load(Acquire) };
        if next != NEVER {
            self.kept_until.store(next, Relaxed);
        }
        next
    }

    /// `Timers::publish` and `Armed::announce`.
    fn arm(&self, when: usize) {
        let early_look = self.kept_until.load(Relaxed);
        self.next.store(when, Release);
        fence(SeqCst);
        let kept_until = if self.flaw.is("arm") { early_look } else { self.kept_until.load(Relaxed) };
        if when < kept_until {
            drop(self.idle.lock().unwrap());
            self.note.wakeup();
        }
    }
}

/// `kept_until`: what the keeper has said before; `next`: what is armed when it looks again.
fn scene(flaw: Flaw, kept_until: usize, next: usize) {
    loom::model(move || {
        let scene = Arc::new(Scene {
            next: AtomicUsize::new(next),
            kept_until: AtomicUsize::new(kept_until),
            idle: Mutex::new(()),
            note: Signal::new(),
            flaw,
        });
        let armer = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.arm(EARLY))
        };
        // It wakes up at EARLY or because it is called; a sleep beyond EARLY ends only by a call.
        while scene.become_keeper() > EARLY {
            scene.note.sleep();
        }
        armer.join().unwrap();
    });
}

#[test]
fn an_earlier_deadline_is_seen() {
    scene(Flaw::None, NEVER, LATE);
    scene(Flaw::None, LATE, LATE);
    scene(Flaw::None, EARLY, LATE);
    scene(Flaw::None, EARLY, NEVER);
    scene(Flaw::None, NEVER, NEVER);
}

#[test]
#[should_panic]
fn fails_when_the_timers_are_looked_at_too_early() {
    scene(Flaw::Here("keeper"), EARLY, LATE);
}

#[test]
#[should_panic]
fn fails_without_the_fence() {
    scene(Flaw::Here("fence"), EARLY, LATE);
}

#[test]
#[should_panic]
fn fails_when_the_keeper_is_looked_at_too_early() {
    scene(Flaw::Here("arm"), EARLY, LATE);
}
