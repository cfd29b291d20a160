//! The inbox, the real code: nothing pushed is lost or seen twice, what it stands for is visible, and exactly one push owes
//! a wake-up to an owner that sleeps.
//!
//! Fails when
//!  - `try_sleep` stores SLEEPING without a compare-exchange, or `wake` EMPTY: a node is lost, and the owner sleeps for
//!    ever (deadlock);
//!  - `push` exchanges with Relaxed, or `drain` swaps with Relaxed: the payload races;
//!  - `push` says `Awake` for SLEEPING: the owner sleeps for ever (deadlock).

use core::ptr::NonNull;
use std::sync::Arc;

use loom::cell::Cell;
use loom::thread;

use crate::models::Signal;
use crate::queue::inbox::{Inbox, Node, Pushed};

struct Scene {
    inbox: Inbox,
    nodes: [Node; 2],
    /// What a node stands for; written before the push, read after the drain.
    payloads: [Cell<usize>; 2],
    note: Signal,
}

// SAFETY: the nodes are touched by the inbox only, and a push owns its node; the payload cells are loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Scene {
    fn push(&self, i: usize) {
        self.payloads[i].set(i + 10);
        // SAFETY: the scene outlives the threads, and each node is pushed once.
        if unsafe { self.inbox.push(NonNull::from(&self.nodes[i])) } == Pushed::Sleeping {
            self.note.wakeup(); // exactly one: a second would be left over at the end
        }
    }

    /// Until `n` nodes have come. Returns how often it slept.
    fn take(&self, n: usize) -> usize {
        let (mut seen, mut slept) = (Vec::new(), 0);
        while seen.len() < n {
            self.inbox.drain(|item| seen.push(self.payloads[item].get()));
            if seen.len() < n && self.inbox.try_sleep() {
                self.note.sleep();
                self.inbox.wake();
                slept += 1;
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), n, "seen twice");
        slept
    }
}

#[test]
fn nothing_is_lost_and_one_wake_up_is_owed() {
    loom::model(|| {
        let scene = Arc::new(Scene {
            inbox: Inbox::new(),
            nodes: [Node::new(0), Node::new(1)],
            payloads: [Cell::new(0), Cell::new(0)],
            note: Signal::new(),
        });
        let pushers = [0, 1].map(|i| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.push(i))
        });
        scene.take(2);
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        assert!(!*scene.note.set.lock().unwrap(), "more wake-ups than sleeps");
        assert!(scene.inbox.try_sleep());
    });
}

#[test]
fn a_sleep_that_ends_for_another_reason_loses_nothing() {
    loom::model(|| {
        let scene = Arc::new(Scene {
            inbox: Inbox::new(),
            nodes: [Node::new(0), Node::new(1)],
            payloads: [Cell::new(0), Cell::new(0)],
            note: Signal::new(),
        });
        let pusher = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.push(0))
        };
        // A timer: the mark is set and taken back without a push.
        if scene.inbox.try_sleep() {
            scene.inbox.wake();
        }
        scene.take(1);
        pusher.join().unwrap();
    });
}
