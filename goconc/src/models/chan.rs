//! Mirrors `chan::hchan`: a value moves exactly once, a waiter that is woken has what it was woken for, and nobody waits
//! on a closed channel. Waiters sleep on a note each, as plain threads do; `park` models the goroutine's way to sleep.
//!
//! Fails with the flaws `refill` (a receive from a full ring does not take the waiting sender's value: it waits for ever),
//! `late` (the value is written after the waiter was woken), `close` (close wakes the receivers only) and `closed` (a send
//! does not look whether the channel is closed).

use std::collections::VecDeque;
use std::sync::Arc;

use loom::cell::{Cell, UnsafeCell};
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};

/// A waiter: its slot, and how the wait ended.
struct Sudog {
    elem: Cell<usize>,
    success: Cell<bool>,
    note: Signal,
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Sudog {}
// SAFETY: as above.
unsafe impl Send for Sudog {}

impl Sudog {
    fn new(elem: usize) -> Arc<Sudog> {
        Arc::new(Sudog { elem: Cell::new(elem), success: Cell::new(false), note: Signal::new() })
    }
}

#[derive(Default)]
struct Inside {
    buf: VecDeque<usize>,
    closed: bool,
    recvq: VecDeque<Arc<Sudog>>,
    sendq: VecDeque<Arc<Sudog>>,
}

struct Hchan {
    lock: ByteLock,
    inside: UnsafeCell<Inside>,
    cap: usize,
    flaw: Flaw,
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Hchan {}
// SAFETY: as above.
unsafe impl Send for Hchan {}

impl Hchan {
    fn new(cap: usize, flaw: Flaw) -> Arc<Hchan> {
        let inside = UnsafeCell::new(Inside::default());
        Arc::new(Hchan { lock: ByteLock::new(), inside, cap, flaw })
    }

    /// Under the lock.
    fn with<R>(&self, f: impl FnOnce(&mut Inside) -> R) -> R {
        // SAFETY: the caller holds the lock, and loom checks it.
        self.inside.with_mut(|inside| f(unsafe { &mut *inside }))
    }

    /// The value comes back when the channel is, or gets, closed.
    fn send(&self, value: usize) -> Result<(), usize> {
        self.lock.lock();
        if self.with(|c| c.closed) && !self.flaw.is("closed") {
            self.lock.unlock();
            return Err(value);
        }
        if let Some(receiver) = self.with(|c| c.recvq.pop_front()) {
            let hand_over = || {
                receiver.elem.set(value);
                receiver.success.set(true);
            };
            if !self.flaw.is("late") {
                hand_over();
            }
            self.lock.unlock();
            receiver.note.wakeup();
            if self.flaw.is("late") {
                hand_over();
            }
            return Ok(());
        }
        if self.with(|c| c.buf.len()) < self.cap {
            self.with(|c| c.buf.push_back(value));
            self.lock.unlock();
            return Ok(());
        }
        let sudog = Sudog::new(value);
        self.with(|c| c.sendq.push_back(Arc::clone(&sudog)));
        self.lock.unlock();
        sudog.note.sleep();
        if sudog.success.get() { Ok(()) } else { Err(sudog.elem.get()) }
    }

    fn take_from_sender(sudog: &Sudog) -> usize {
        sudog.success.set(true);
        sudog.elem.get()
    }

    fn recv(&self) -> Option<usize> {
        self.lock.lock();
        if let Some(value) = self.with(|c| c.buf.pop_front()) {
            let sender = if self.flaw.is("refill") { None } else { self.with(|c| c.sendq.pop_front()) };
            if let Some(sudog) = &sender {
                let next = Self::take_from_sender(sudog);
                self.with(|c| c.buf.push_back(next));
            }
            self.lock.unlock();
            if let Some(sudog) = sender {
                sudog.note.wakeup();
            }
            return Some(value);
        }
        if let Some(sudog) = self.with(|c| c.sendq.pop_front()) {
            let value = Self::take_from_sender(&sudog);
            self.lock.unlock();
            sudog.note.wakeup();
            return Some(value);
        }
        if self.with(|c| c.closed) {
            self.lock.unlock();
            return None;
        }
        let sudog = Sudog::new(0);
        self.with(|c| c.recvq.push_back(Arc::clone(&sudog)));
        self.lock.unlock();
        sudog.note.sleep();
        sudog.success.get().then(|| sudog.elem.get())
    }

    fn close(&self) {
        self.lock.lock();
        let (receivers, senders) = self.with(|c| {
            c.closed = true;
            (core::mem::take(&mut c.recvq), core::mem::take(&mut c.sendq))
        });
        self.lock.unlock();
        receivers.iter().for_each(|sudog| sudog.note.wakeup());
        if !self.flaw.is("close") {
            senders.iter().for_each(|sudog| sudog.note.wakeup());
        }
    }

    /// What every free lock promises: see the head of `chan::hchan`.
    fn check(&self) {
        self.lock.lock();
        self.with(|c| {
            assert!(c.sendq.is_empty() || c.recvq.is_empty());
            assert!(c.buf.is_empty() || c.recvq.is_empty());
            assert!(c.buf.len() == self.cap || c.sendq.is_empty());
            assert!(!c.closed || c.recvq.is_empty() && c.sendq.is_empty());
        });
        self.lock.unlock();
    }
}

fn go<R: 'static>(c: &Arc<Hchan>, f: impl FnOnce(&Hchan) -> R + 'static) -> thread::JoinHandle<R> {
    let c = Arc::clone(c);
    thread::spawn(move || f(&c))
}

/// Two receivers that wait, or not, and two values.
fn two_receivers(flaw: Flaw) {
    loom::model(move || {
        let c = Hchan::new(0, flaw);
        let receivers = [(); 2].map(|()| go(&c, Hchan::recv));
        assert_eq!(c.send(1), Ok(()));
        c.check();
        assert_eq!(c.send(2), Ok(()));
        let mut got = receivers.map(|receiver| receiver.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        c.check();
    });
}

/// Two senders, a ring of one, and three values: senders wait behind a full ring, and each one's values come in order.
fn two_senders(flaw: Flaw) {
    loom::model(move || {
        let c = Hchan::new(1, flaw);
        let first = go(&c, |c| c.send(1).and_then(|()| c.send(2)));
        let second = go(&c, |c| c.send(10));
        let got = [(); 3].map(|()| {
            let value = c.recv().unwrap();
            c.check();
            value
        });
        assert_eq!(got.iter().sum::<usize>(), 13);
        let at = |value| got.iter().position(|v| *v == value);
        assert!(at(1) < at(2));
        assert_eq!(first.join().unwrap(), Ok(()));
        assert_eq!(second.join().unwrap(), Ok(()));
    });
}

/// Two senders without a receiver, and a close: each has its value back, or it is in the ring.
fn close(flaw: Flaw) {
    loom::model(move || {
        let c = Hchan::new(1, flaw);
        let senders = [1, 2].map(|value| go(&c, move |c| c.send(value)));
        c.close();
        c.check();
        let sent = senders.map(|sender| sender.join().unwrap());
        let kept: usize = sent.iter().filter_map(|sent| sent.err()).sum();
        let drained: usize = core::iter::from_fn(|| c.recv()).sum();
        assert_eq!(kept + drained, 3);
        c.check();
    });
}

/// A receiver, a sender and a close: the value is received exactly if the send says so.
fn close_between(flaw: Flaw) {
    loom::model(move || {
        let c = Hchan::new(0, flaw);
        let receiver = go(&c, Hchan::recv);
        let sender = go(&c, |c| c.send(7));
        c.close();
        let (got, sent) = (receiver.join().unwrap(), sender.join().unwrap());
        assert!(matches!((got, sent), (Some(7), Ok(())) | (None, Err(7))));
        c.check();
    });
}

#[test]
fn two_receivers_get_one_value_each() {
    two_receivers(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_the_value_comes_after_the_wake_up() {
    two_receivers(Flaw::Here("late"));
}

#[test]
fn senders_wait_behind_a_full_ring() {
    two_senders(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_receive_leaves_the_sender_waiting() {
    two_senders(Flaw::Here("refill"));
}

#[test]
fn close_wakes_senders() {
    close(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_close_forgets_the_senders() {
    close(Flaw::Here("close"));
}

#[test]
fn close_comes_between_or_not() {
    close_between(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_send_does_not_see_the_close() {
    close_between(Flaw::Here("closed"));
}
