//! Mirrors `sched::park`, `M::execute` and `Sudog::wake`: a goroutine that queues itself, leaves its stack, and whose M
//! gives the lock back only then, runs on one M at a time, and its waker touches nothing of it after `ready`.
//!
//! The stack is a loom cell: the goroutine writes it while it runs, the waker reads the sudog in it, and whoever resumes
//! the goroutine writes it again. `ready` is the push onto a real inbox, of an M that takes the goroutine over at once.
//!
//! Fails with the flaws `commit` (the lock is given back before the switch: two Ms on one stack) and `late` (the waker
//! reads the sudog after `ready`: the stack may be in use again).

use core::ptr::NonNull;
use std::sync::Arc;

use loom::cell::{Cell, UnsafeCell};
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};
use crate::queue::inbox::{Inbox, Node, Pushed};

struct Scene {
    lock: ByteLock,
    /// The wait list; guarded by `lock`.
    waits: Cell<bool>,
    /// What it waits for; guarded by `lock`.
    done: Cell<bool>,
    /// What the goroutine has on its stack, a sudog among other things.
    stack: UnsafeCell<usize>,
    node: Node,
    inbox: Inbox,
    note: Signal,
    flaw: Flaw,
}

// SAFETY: the node is touched by the inbox only; the cells are loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Scene {
    fn run_on_stack(&self) {
        // SAFETY: loom checks that nobody else is on the stack.
        self.stack.with_mut(|stack| unsafe { *stack += 1 });
    }

    fn look_at_sudog(&self) -> usize {
        // SAFETY: loom checks that nobody runs on the stack meanwhile.
        self.stack.with(|stack| unsafe { *stack })
    }

    /// The goroutine's M: runs it until it has parked.
    fn park(&self) {
        self.run_on_stack();
        self.lock.lock();
        if self.done.get() {
            self.lock.unlock();
            self.run_on_stack();
            return self.ready(); // no need to wait: yields
        }
        self.waits.set(true);
        if self.flaw.is("commit") {
            self.lock.unlock();
            self.run_on_stack();
            return;
        }
        self.run_on_stack(); // the switch pushes its registers
        self.lock.unlock(); // `Commit::Unlock`, on the M's own stack
    }

    fn ready(&self) {
        // SAFETY: off the list, so it is ours to push; the scene outlives the threads.
        if unsafe { self.inbox.push(NonNull::from(&self.node)) } == Pushed::Sleeping {
            self.note.wakeup();
        }
    }

    /// Whoever has what the goroutine waits for.
    fn wake(&self) {
        self.lock.lock();
        self.done.set(true);
        let waits = self.waits.replace(false);
        self.lock.unlock();
        if waits {
            if !self.flaw.is("late") {
                self.look_at_sudog();
            }
            self.ready();
            if self.flaw.is("late") {
                self.look_at_sudog();
            }
        }
    }

    /// The M that the goroutine goes on on.
    fn resume(&self) {
        let mut here = false;
        while !here {
            self.inbox.drain(|_| here = true);
            if !here && self.inbox.try_sleep() {
                self.note.sleep();
                self.inbox.wake();
            }
        }
        self.run_on_stack();
    }
}

fn scene(flaw: Flaw) {
    loom::model(move || {
        let scene = Arc::new(Scene {
            lock: ByteLock::new(),
            waits: Cell::new(false),
            done: Cell::new(false),
            stack: UnsafeCell::new(0),
            node: Node::new(0),
            inbox: Inbox::new(),
            note: Signal::new(),
            flaw,
        });
        let other = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.resume())
        };
        let waker = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.wake())
        };
        scene.park();
        other.join().unwrap();
        waker.join().unwrap();
        assert_eq!(scene.look_at_sudog(), 3);
    });
}

#[test]
fn one_m_at_a_time_on_a_stack() {
    scene(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_unlocked_before_the_switch() {
    scene(Flaw::Here("commit"));
}

#[test]
#[should_panic]
fn fails_when_the_sudog_is_read_after_ready() {
    scene(Flaw::Here("late"));
}
