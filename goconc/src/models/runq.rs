//! The hand-over of unstarted goroutines: dealt from the private `Fresh` into chains, published, taken back by the owner or
//! stolen. Each runs once, and whoever takes a chain sees its links, or the words of its bundle, which are written at the same place.
//!
//! `Fresh` is the real one; the chain's links are loom cells; the deque is the Chase-Lev deque of four slots with the
//! orders of `crossbeam_deque` (`Worker::new_lifo`), which is not loom-aware.
//!
//! Fails with the flaws `publish` (no Release fence before the new end: a thief sees an old slot) and `pop` (no fence
//! between the owner's claim and its look at the thieves' end: a chain is taken twice).

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::Arc;

use loom::cell::Cell;
use loom::thread;

use crate::models::Flaw;
use crate::queue::fresh::Fresh;
use crate::sys::atomic::{AtomicUsize, fence};

const NOBODY: usize = usize::MAX;

/// A deque of chain heads. The indices start at 8: the owner's claim goes one below.
struct Deque {
    front: AtomicUsize,
    back: AtomicUsize,
    slots: [AtomicUsize; 4],
}

impl Deque {
    fn new() -> Self {
        Deque {
            front: AtomicUsize::new(8),
            back: AtomicUsize::new(8),
            slots: [NOBODY; 4].map(AtomicUsize::new),
        }
    }

    fn push(&self, head: usize, flaw: Flaw) {
        let back = self.back.load(Relaxed);
        self.slots[back % 4].store(head, Relaxed);
        if !flaw.is("publish") {
            // A fence and no Release store: it has to hold for what `pop` stores later, too.
            fence(Release);
        }
        self.back.store(back + 1, Relaxed);
    }

    fn pop(&self, flaw: Flaw) -> Option<usize> {
        let back = self.back.load(Relaxed) - 1;
        self.back.store(back, Relaxed);
        if !flaw.is("pop") {
            fence(SeqCst);
        }
        let front = self.front.load(Relaxed);
        if front > back {
            self.back.store(back + 1, Relaxed);
            return None;
        }
        let head = self.slots[back % 4].load(Relaxed);
        if front == back {
            let won = self.front.compare_exchange(front, front + 1, SeqCst, Relaxed).is_ok();
            self.back.store(back + 1, Relaxed);
            return won.then_some(head);
        }
        Some(head)
    }

    fn steal(&self) -> Option<usize> {
        let front = self.front.load(Acquire);
        fence(SeqCst);
        let back = self.back.load(Acquire);
        if front >= back {
            return None;
        }
        let head = self.slots[front % 4].load(Relaxed);
        self.front.compare_exchange(front, front + 1, SeqCst, Relaxed).ok().map(|_| head)
    }
}

struct Scene {
    shared: Deque,
    /// The link of each goroutine.
    links: [Cell<usize>; 4],
    ran: [Cell<u32>; 4],
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Scene {
    /// Mirrors `Chain::link` (to `bundle::Cache::pack` the same applies) and `Worker::push`.
    fn publish(&self, items: &mut dyn Iterator<Item = usize>, flaw: Flaw) {
        let Some(head) = items.next() else { return };
        let mut last = head;
        for item in items {
            self.links[last].set(item);
            last = item;
        }
        self.links[last].set(NOBODY);
        self.shared.push(head, flaw);
    }

    /// Mirrors `M::unpack`: runs all of a chain.
    fn run(&self, mut head: usize) {
        while head != NOBODY {
            let next = self.links[head].get();
            self.run_one(head);
            head = next;
        }
    }

    fn run_one(&self, i: usize) {
        self.ran[i].set(self.ran[i].get() + 1);
    }
}

fn scene(flaw: Flaw) {
    loom::model(move || {
        let scene = Arc::new(Scene {
            shared: Deque::new(),
            links: [NOBODY; 4].map(Cell::new),
            ran: [0; 4].map(Cell::new),
        });
        let thieves = [(); 2].map(|()| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                if let Some(head) = scene.shared.steal() {
                    scene.run(head);
                }
            })
        });
        let mut fresh = Fresh::new();
        (0..4).for_each(|i| fresh.push(i));
        fresh.pick_out(2, 1, 1);
        for _ in 0..2 {
            scene.publish(&mut fresh.pop_oldest().into_iter(), flaw);
        }
        while let Some(i) = fresh.pop() {
            scene.run_one(i);
        }
        while let Some(head) = scene.shared.pop(flaw) {
            scene.run(head);
        }
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        while let Some(head) = scene.shared.steal() {
            scene.run(head); // a claim that failed for a thief's sake
        }
        assert!(scene.ran.iter().all(|ran| ran.get() == 1));
    });
}

#[test]
fn each_runs_once() {
    scene(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_published_without_release() {
    scene(Flaw::Here("publish"));
}

#[test]
#[should_panic]
fn fails_when_taken_back_without_fence() {
    scene(Flaw::Here("pop"));
}
