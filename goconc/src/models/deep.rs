//! Mirrors `Sysmon::nap_deeply`, `somebody_runs` and `poke` of `sched::sysmon`: sysmon does not sleep without end while an
//! M holds a P.
//!
//! Fails with the flaws `at once` (an M that finds an idle P at once tells nobody), `fence` (there is none in
//! `somebody_runs`), `look` (sysmon does not look again after it has said that it sleeps) and `too many` (sysmon counts
//! idle Ps only, though an M holds one that is too many).

use core::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use std::sync::Arc;

use loom::thread;

use crate::models::{Flaw, Signal};
use crate::sys::atomic::{AtomicU8, AtomicUsize, fence};

struct Scene {
    /// Idle Ps, of one.
    idle: AtomicUsize,
    /// Whether an M holds a P, within GOMAXPROCS and beyond.
    held: [AtomicU8; 2],
    deep: AtomicU8,
    poked: AtomicU8,
    note: Signal,
    flaw: Flaw,
}

impl Scene {
    fn poke(&self) {
        if self.poked.swap(1, AcqRel) == 0 {
            self.note.wakeup();
        }
    }

    fn somebody_runs(&self) {
        if !self.flaw.is("fence") {
            fence(SeqCst);
        }
        if self.deep.load(Relaxed) != 0 {
            self.poke();
        }
    }

    /// `pop_p` and `assign`.
    fn take_p(&self) {
        self.idle.fetch_sub(1, SeqCst);
        self.held[0].store(1, Release);
        if !self.flaw.is("at once") {
            self.somebody_runs();
        }
    }

    fn nobody_runs(&self) -> bool {
        let nobody = self.idle.load(Relaxed) == 1;
        nobody && (self.flaw.is("too many") || self.held.iter().all(|held| held.load(Relaxed) == 0))
    }

    /// One round of sysmon: sleeps until somebody runs. The first look, before, is stale by now.
    fn nap_deeply(&self) {
        self.deep.store(1, Relaxed);
        fence(SeqCst);
        if self.flaw.is("look") || self.nobody_runs() {
            self.note.sleep();
        }
        self.deep.store(0, Relaxed);
        self.poked.store(0, Release);
    }
}

fn scene(flaw: Flaw, m: fn(&Scene), too_many: u8) {
    loom::model(move || {
        let scene = Arc::new(Scene {
            idle: AtomicUsize::new(1),
            held: [AtomicU8::new(0), AtomicU8::new(too_many)],
            deep: AtomicU8::new(0),
            poked: AtomicU8::new(0),
            note: Signal::new(),
            flaw,
        });
        let sysmon = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.nap_deeply())
        };
        m(&scene);
        sysmon.join().unwrap(); // a deadlock, if it sleeps while we run
    });
}

#[test]
fn an_m_that_gets_a_p_is_watched() {
    scene(Flaw::None, Scene::take_p, 0);
}

#[test]
fn an_m_that_holds_a_p_too_many_is_watched() {
    scene(Flaw::None, |_| (), 1);
}

#[test]
#[should_panic]
fn fails_when_nobody_is_told() {
    scene(Flaw::Here("at once"), Scene::take_p, 0);
}

#[test]
#[should_panic]
fn fails_without_the_fence() {
    scene(Flaw::Here("fence"), Scene::take_p, 0);
}

#[test]
#[should_panic]
fn fails_without_the_second_look() {
    scene(Flaw::Here("look"), Scene::take_p, 0);
}

#[test]
#[should_panic]
fn fails_when_only_idle_ps_count() {
    scene(Flaw::Here("too many"), |_| (), 1);
}
