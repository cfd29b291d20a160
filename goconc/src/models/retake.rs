//! The hand-shake by which sysmon takes a P, the real code (with a fence on the M's side instead of sysmon's membarrier,
//! which loom does not know): the M and sysmon never both use what belongs to the P.
//!
//! Fails when
//!  - the fence in `enter`, or the one in `everywhere`, is left out: both use the P;
//!  - `settle` comes to an end without a look at `in_rt`: both use the P;
//!  - `exit` stores with Relaxed, or `give_back` or `finish` do, or `settle` loads `in_rt` so: what the other one did with
//!    the P races.

use std::sync::Arc;

use loom::cell::Cell;
use loom::thread;

use crate::gmp::retake::{Entered, Retake};

/// What sysmon does with a P that it has taken.
#[derive(Clone, Copy)]
enum Then {
    GiveBack,
    Finish,
}

struct Scene {
    retake: Retake,
    /// The private part of the P.
    private: Cell<usize>,
    taken: Cell<bool>,
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

fn scene(fences: bool, then: Then) {
    loom::model(move || {
        let scene =
            Arc::new(Scene { retake: Retake::new(fences), private: Cell::new(0), taken: Cell::new(false) });
        let m = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                scene.private.set(scene.private.get() + 1);
                scene.retake.exit();
                for _ in 0..2 {
                    if scene.retake.enter() == Entered::Retaken {
                        assert!(scene.taken.get());
                        return 1; // without the P
                    }
                    scene.private.set(scene.private.get() + 1);
                    scene.retake.exit();
                }
                3
            })
        };
        let mut moved = false;
        if let Some(taking) = scene.retake.attempt() {
            scene.private.set(scene.private.get() + 10);
            match then {
                Then::GiveBack => taking.give_back(),
                Then::Finish => {
                    scene.taken.set(true);
                    moved = true;
                    taking.finish();
                    scene.private.set(scene.private.get() + 10); // whoever has the P now
                }
            }
        }
        let rounds = m.join().unwrap();
        assert!(moved || rounds == 3);
    });
}

#[test]
fn taken_and_given_back() {
    scene(false, Then::GiveBack);
}

#[test]
fn taken_for_good() {
    scene(false, Then::Finish);
}

#[test]
fn taken_for_good_without_membarrier() {
    scene(true, Then::Finish);
}
