//! Mirrors `sched::park`, `arch::switch`, `M::take_over` and `Sudog::wake`: a goroutine that queues itself, gives the lock back,
//! and leaves its stack after that, runs on one M at a time, and its waker touches nothing of it after `ready`.
//!
//! The stack is two loom cells. The sudog's frame is written by the goroutine while it runs, up to the unlock; then the waker reads
//! the sudog in it; and whoever resumes the goroutine writes it again. What is below that frame the M goes on using on its way to
//! the next stack. `ready` is the push onto a real inbox, of an M that takes the goroutine over at once.
//!
//! Fails with the flaws `impatient` (the other M does not wait until the stack is free), `cleared` (`on_stack` is cleared before
//! the last access to the stack) and `late` (the waker reads the sudog after `ready`: the stack may be in use again).

use core::ptr::NonNull;
use std::sync::Arc;

use loom::cell::{Cell, UnsafeCell};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};
use crate::queue::inbox::{Inbox, Node, Pushed};

struct Scene {
    lock: ByteLock,
    /// The wait list; guarded by `lock`.
    waits: Cell<bool>,
    /// What it waits for; guarded by `lock`.
    done: Cell<bool>,
    /// The frame in which the sudog is.
    frame: UnsafeCell<usize>,
    /// The stack below that.
    below: UnsafeCell<usize>,
    on_stack: AtomicBool,
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
    fn run_in_frame(&self) {
        // SAFETY: loom checks that nobody else is in the frame.
        self.frame.with_mut(|frame| unsafe { *frame += 1 });
    }

    fn run_below(&self) {
        // SAFETY: loom checks that nobody else is on the stack.
        self.below.with_mut(|below| unsafe { *below += 1 });
    }

    fn look_at_sudog(&self) -> usize {
        // SAFETY: loom checks that nobody runs in the frame meanwhile.
        self.frame.with(|frame| unsafe { *frame })
    }

    /// The goroutine's M: runs it until it has parked.
    fn park(&self) {
        self.run_in_frame();
        self.lock.lock();
        if self.done.get() {
            self.lock.unlock();
            self.run_below();
            return self.ready(); // no need to wait: yields
        }
        self.waits.set(true);
        self.on_stack.store(true, Ordering::Relaxed); // `begins_to_stop`
        self.lock.unlock(); // `Commit::Unlock`
        if self.flaw.is("cleared") {
            self.on_stack.store(false, Ordering::Release);
        }
        self.run_below(); // looks for the next one, and pushes its registers
        self.on_stack.store(false, Ordering::Release); // the switch
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
        while self.on_stack.load(Ordering::Acquire) && !self.flaw.is("impatient") {
            thread::yield_now(); // `take_over`
        }
        self.run_in_frame();
        self.run_below();
    }
}

fn scene(flaw: Flaw) {
    loom::model(move || {
        let scene = Arc::new(Scene {
            lock: ByteLock::new(),
            waits: Cell::new(false),
            done: Cell::new(false),
            frame: UnsafeCell::new(0),
            below: UnsafeCell::new(0),
            on_stack: AtomicBool::new(false),
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
        assert_eq!(scene.look_at_sudog(), 2);
    });
}

#[test]
fn one_m_at_a_time_on_a_stack() {
    scene(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_the_other_m_does_not_wait() {
    scene(Flaw::Here("impatient"));
}

#[test]
#[should_panic]
fn fails_when_cleared_on_the_old_stack() {
    scene(Flaw::Here("cleared"));
}

#[test]
#[should_panic]
fn fails_when_the_sudog_is_read_after_ready() {
    scene(Flaw::Here("late"));
}
