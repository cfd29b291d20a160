//! Mirrors `chan::clock` with `timer`: the clock of a channel is in a heap while a receiver waits; an M takes it off and fires
//! it; others stop it, set it, or free it. What was freed is not touched; a node is in one heap at most; a moment is received
//! once, and not after a stop or a reset that says that it prevented it; who still waits is not forgotten.
//!
//! Time stands still for each thread: the M's `now` is later than that of whoever waits. Receivers look for their moment in
//! the end; how a waiter sleeps and wakes is modelled in `park` and `chan`.
//!
//! Fails with the flaws `disarm` (who frees it does not take it off), `gone` (`due` takes a reference although the last one is
//! gone), `late` (`due` is asked without the heap's lock), `stale` (`fire` does not look whether it is still due), `rearm`
//! (`fire` forgets who still waits), `heap` (arming does not look whether it is in a heap already) and `only` (who has the only
//! reference does not count it down, as other channels may: `due` takes one more of a channel that goes).

use std::collections::VecDeque;
use std::sync::Arc;

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::cell::{Cell, UnsafeCell};
use loom::sync::Mutex;
use loom::sync::atomic::AtomicUsize;
use loom::thread;

use crate::models::{ByteLock, Flaw};
use crate::sys::atomic::fence;

const NEVER: usize = usize::MAX;
/// When it is due at first.
const FIRST: usize = 1;
/// The time of the M that runs timers.
const NOW: usize = 5;
/// When it is due after a reset.
const SECOND: usize = 8;

/// What the lock of a channel guards.
struct Inside {
    when: usize,
    period: usize,
    /// Those who wait, by number.
    recvq: VecDeque<usize>,
    /// Who has received which moment.
    received: Vec<(usize, usize)>,
}

/// A channel with its clock and its node, and all heaps that there are, of which each holds this node or nothing.
struct Scene {
    lock: ByteLock,
    inside: UnsafeCell<Inside>,
    refs: AtomicUsize,
    /// False: the memory of clock and channel has been given back. A loom cell: loom reports who reads it meanwhile.
    alive: Cell<bool>,
    /// `Node::heap`.
    heap: AtomicUsize,
    /// `Node::at`: whether it is in that heap, under the heap's lock.
    at: Cell<bool>,
    heaps: [Mutex<Option<usize>>; 2],
    flaw: Flaw,
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Scene {
    /// Due at FIRST and in the first heap, with a reference; also when nobody waits: a receiver may have left since it was
    /// armed, and come back and left while it fired.
    fn new(flaw: Flaw, period: usize, waiting: &[usize]) -> Arc<Scene> {
        let recvq = waiting.iter().copied().collect();
        Arc::new(Scene {
            lock: ByteLock::new(),
            inside: UnsafeCell::new(Inside { when: FIRST, period, recvq, received: Vec::new() }),
            refs: AtomicUsize::new(1),
            alive: Cell::new(true),
            heap: AtomicUsize::new(0),
            at: Cell::new(true),
            heaps: [Mutex::new(Some(FIRST)), Mutex::new(None)],
            flaw,
        })
    }

    /// Anything that reads or writes the clock, its node or the channel.
    fn touch(&self) {
        assert!(self.alive.get(), "used after it was freed");
    }

    /// Under the channel's lock.
    fn with<R>(&self, f: impl FnOnce(&mut Inside) -> R) -> R {
        self.touch();
        // SAFETY: the caller holds the lock, and loom checks it.
        self.inside.with_mut(|inside| f(unsafe { &mut *inside }))
    }

    /// `Node::arm`.
    fn arm(&self, when: usize, here: usize) {
        self.touch();
        if !self.flaw.is("heap") {
            let mut entries = self.heaps[self.heap.load(Relaxed)].lock().unwrap();
            if self.at.get() {
                *entries = Some(when);
                return;
            }
        }
        self.heap.store(here, Relaxed);
        let mut entries = self.heaps[here].lock().unwrap();
        *entries = Some(when);
        self.at.set(true);
    }

    /// `Node::disarm`.
    fn disarm(&self) {
        self.touch();
        let mut entries = self.heaps[self.heap.load(Relaxed)].lock().unwrap();
        if self.at.get() {
            self.at.set(false);
            *entries = None;
        }
    }

    /// `Timers::run` of one heap, by an M whose own is `here`.
    fn run(&self, heap: usize, here: usize, now: usize) {
        let mut entries = self.heaps[heap].lock().unwrap();
        if entries.is_none_or(|when| when > now) {
            return;
        }
        *entries = None;
        self.touch();
        self.at.set(false);
        let held = (!self.flaw.is("late")).then_some(entries);
        if self.due() {
            drop(held);
            self.fire(here, now);
        }
    }

    /// `clock::due`, which is `Hchan::retain_unless_gone`.
    fn due(&self) -> bool {
        self.touch();
        let gone = |refs: usize| refs == 0 && !self.flaw.is("gone");
        self.refs.fetch_update(Relaxed, Relaxed, |refs| (!gone(refs)).then_some(refs + 1)).is_ok()
    }

    /// `clock::fire`.
    fn fire(&self, here: usize, now: usize) {
        self.lock.lock();
        let again = self.with(|c| {
            if (c.when <= now || self.flaw.is("stale"))
                && let Some(receiver) = c.recvq.pop_front()
            {
                c.receive(receiver, now);
            }
            let waited = !c.recvq.is_empty() && c.when != NEVER && !self.flaw.is("rearm");
            waited.then_some(c.when)
        });
        if let Some(when) = again {
            self.arm(when, here);
        }
        self.lock.unlock();
        self.release();
    }

    /// `Hchan::enqueue` of a receiver that has found nothing.
    fn wait(&self, receiver: usize, here: usize) {
        self.lock.lock();
        let first = self.with(|c| {
            let first = c.recvq.is_empty();
            c.recvq.push_back(receiver);
            first.then_some(c.when)
        });
        if let Some(when) = first
            && when != NEVER
        {
            self.arm(when, here);
        }
        self.lock.unlock();
    }

    /// `Hchan::dequeue`.
    fn leave(&self, receiver: usize) {
        self.lock.lock();
        let nobody = self.with(|c| {
            c.recvq.retain(|&other| other != receiver);
            c.recvq.is_empty()
        });
        if nobody {
            self.disarm();
        }
        self.lock.unlock();
    }

    /// `Hchan::set_clock`. True: it had not been received.
    fn set(&self, when: usize, here: usize) -> bool {
        self.lock.lock();
        let (active, waited) = self.with(|c| {
            let active = c.when != NEVER;
            c.when = when;
            (active, !c.recvq.is_empty())
        });
        if waited && when == NEVER {
            self.disarm();
        } else if waited {
            self.arm(when, here);
        }
        self.lock.unlock();
        active
    }

    /// `Hchan::release` and `Hchan::destroy`.
    fn release(&self) {
        self.touch();
        if self.flaw.is("only") && self.refs.load(Acquire) == 1 || self.refs.fetch_sub(1, Release) == 1 {
            fence(Acquire);
            if !self.flaw.is("disarm") {
                self.disarm();
            }
            self.touch();
            self.alive.set(false);
        }
    }

    fn received(&self) -> Vec<(usize, usize)> {
        self.lock.lock();
        let received = self.with(|c| c.received.clone());
        self.lock.unlock();
        received
    }

    /// When the heaps' Ms have nothing to do until `now`: both heaps, as each M looks at all of them.
    fn run_all(&self, now: usize) {
        self.run(0, 0, now);
        self.run(1, 1, now);
    }
}

impl Inside {
    /// `Clock::advance`, into the slot of who waits.
    fn receive(&mut self, receiver: usize, now: usize) {
        self.received.push((receiver, self.when));
        self.when = match now.saturating_sub(self.when).checked_div(self.period) {
            Some(missed) => self.when + self.period * (missed + 1),
            None => NEVER,
        };
    }
}

/// A reset to a moment that has passed, while it fires for the one who waits: that receiver is served, and the clock is in a
/// heap although nobody waits any more. The last reference goes then.
fn served_while_it_is_armed(flaw: Flaw) {
    loom::model(move || {
        let scene = Scene::new(flaw, 0, &[0]);
        let ms = [0, 1].map(|heap| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.run(heap, heap, NOW))
        });
        scene.set(FIRST, 1);
        // Once it is served the receiver, who has the last reference, goes.
        while scene.received().is_empty() {
            thread::yield_now();
        }
        scene.release();
        for m in ms {
            m.join().unwrap();
        }
        assert!(!scene.alive.get());
    });
}

/// The last reference goes while it is due; with a receiver that leaves first, or with none left already.
fn dropped(flaw: Flaw, waiting: &'static [usize]) {
    loom::model(move || {
        let scene = Scene::new(flaw, 0, waiting);
        let m = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.run(0, 1, NOW))
        };
        if let Some(&receiver) = waiting.first() {
            scene.leave(receiver);
        }
        scene.release();
        m.join().unwrap();
        assert!(!scene.alive.get());
        scene.heaps.iter().for_each(|heap| assert_eq!(*heap.lock().unwrap(), None));
    });
}

/// While it fires, somebody sets it to `when`, where other timers are: the receiver gets either the first moment, or the set
/// has prevented that and it gets the second one, if any.
fn set_while_it_fires(flaw: Flaw, when: usize) {
    loom::model(move || {
        let scene = Scene::new(flaw, 0, &[0]);
        let m = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.run(0, 0, NOW))
        };
        let active = scene.set(when, 1);
        m.join().unwrap();
        let expected = if active { vec![] } else { vec![(0, FIRST)] };
        assert_eq!(scene.received(), expected);
        scene.run_all(SECOND);
        let second = if active && when == SECOND { vec![(0, SECOND)] } else { vec![] };
        assert_eq!(scene.received(), [expected, second].concat());
        scene.release();
        assert!(!scene.alive.get());
        scene.heaps.iter().for_each(|heap| assert_eq!(*heap.lock().unwrap(), None));
    });
}

/// A ticker fires for one who waits while another one comes, and looks at other timers: both get a tick.
fn another_waits(flaw: Flaw) {
    loom::model(move || {
        let scene = Scene::new(flaw, 10, &[0]);
        let m = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.run(0, 0, NOW))
        };
        scene.wait(1, 1);
        m.join().unwrap();
        scene.run_all(FIRST + 10);
        assert_eq!(scene.received(), [(0, FIRST), (1, FIRST + 10)]);
        scene.release();
        assert!(!scene.alive.get());
        scene.heaps.iter().for_each(|heap| assert_eq!(*heap.lock().unwrap(), None));
    });
}

/// Two Ms fire it at a time: one that took it off before a reset, one that found what the reset has armed.
fn fired_twice(flaw: Flaw) {
    loom::model(move || {
        let scene = Scene::new(flaw, 0, &[0]);
        let spawn = |heap, now| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.run(heap, heap, now))
        };
        let ms = [spawn(0, NOW), spawn(1, SECOND)];
        let active = scene.set(SECOND, 1);
        for m in ms {
            m.join().unwrap();
        }
        scene.run_all(SECOND);
        assert_eq!(scene.received(), [(0, if active { SECOND } else { FIRST })]);
        scene.release();
        assert!(!scene.alive.get());
    });
}

#[test]
fn what_is_freed_is_not_fired() {
    served_while_it_is_armed(Flaw::None);
    dropped(Flaw::None, &[]);
    dropped(Flaw::None, &[0]);
}

#[test]
fn stopped_or_received() {
    set_while_it_fires(Flaw::None, NEVER);
}

#[test]
fn reset_or_received() {
    set_while_it_fires(Flaw::None, SECOND);
    fired_twice(Flaw::None);
}

#[test]
fn nobody_is_forgotten() {
    another_waits(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_it_stays_in_the_heap() {
    dropped(Flaw::Here("disarm"), &[]);
}

#[test]
#[should_panic]
fn fails_when_a_reference_is_taken_from_nobody() {
    dropped(Flaw::Here("gone"), &[]);
}

#[test]
#[should_panic]
fn fails_when_the_only_reference_is_not_counted_down() {
    served_while_it_is_armed(Flaw::Here("only"));
}

#[test]
#[should_panic]
fn fails_when_due_is_asked_without_the_lock() {
    dropped(Flaw::Here("late"), &[]);
}

#[test]
#[should_panic]
fn fails_when_fire_does_not_look_again() {
    set_while_it_fires(Flaw::Here("stale"), SECOND);
}

#[test]
#[should_panic]
fn fails_when_who_waits_is_forgotten() {
    another_waits(Flaw::Here("rearm"));
}

#[test]
#[should_panic]
fn fails_when_it_is_in_two_heaps() {
    set_while_it_fires(Flaw::Here("heap"), SECOND);
}
