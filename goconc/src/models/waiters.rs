//! Mirrors `chan::select::waiters`: one permit is given to a list in which a select waits, which a channel may wake as well, and
//! a plain waiter. It reaches one who takes it.
//!
//! Fails with the flaws `epoch` (a wake-up does not advance it), `order` (the permit comes after the wake-up), `claim` (a wake-up
//! goes to a select that the channel has won) and `first` (a select that was woken looks at the channel first and leaves).

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::collections::VecDeque;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::models::{ByteLock, Flaw, Signal};
use crate::sys::atomic::AtomicUsize;

const CHANNEL: usize = 1;
const PERMIT: usize = 2;

/// Who waits: by what it was claimed, or 0.
struct Waiter {
    claimed: AtomicUsize,
    note: Signal,
}

#[derive(Default)]
struct Waiting {
    epoch: usize,
    queue: VecDeque<Arc<Waiter>>,
}

struct Scene {
    lock: ByteLock,
    waiting: UnsafeCell<Waiting>,
    permits: AtomicUsize,
    /// The channel: who waits for it, and a value.
    channel_lock: ByteLock,
    channel: UnsafeCell<(Option<Arc<Waiter>>, bool)>,
    flaw: Flaw,
}

// SAFETY: the cells are loom's, which checks.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Scene {
    fn new(flaw: Flaw) -> Arc<Scene> {
        Arc::new(Scene {
            lock: ByteLock::new(),
            waiting: UnsafeCell::new(Waiting::default()),
            permits: AtomicUsize::new(0),
            channel_lock: ByteLock::new(),
            channel: UnsafeCell::new((None, false)),
            flaw,
        })
    }

    /// Under the lock.
    fn with<R>(&self, f: impl FnOnce(&mut Waiting) -> R) -> R {
        // SAFETY: the caller holds the lock, and loom checks it.
        self.waiting.with_mut(|waiting| f(unsafe { &mut *waiting }))
    }

    /// Under the channel's lock.
    fn with_channel<R>(&self, f: impl FnOnce(&mut (Option<Arc<Waiter>>, bool)) -> R) -> R {
        // SAFETY: as above.
        self.channel.with_mut(|channel| f(unsafe { &mut *channel }))
    }

    fn epoch(&self) -> usize {
        self.lock.lock();
        let epoch = self.with(|waiting| waiting.epoch);
        self.lock.unlock();
        epoch
    }

    fn try_take(&self) -> bool {
        self.permits.compare_exchange(1, 0, AcqRel, Acquire).is_ok()
    }

    fn release(&self) {
        if !self.flaw.is("order") {
            self.permits.fetch_add(1, AcqRel);
        }
        self.lock.lock();
        let woken = self.with(|waiting| {
            waiting.epoch += usize::from(!self.flaw.is("epoch"));
            loop {
                let first = waiting.queue.pop_front()?;
                let won = first.claimed.compare_exchange(0, PERMIT, AcqRel, Relaxed).is_ok();
                if won || self.flaw.is("claim") {
                    return Some(first);
                }
            }
        });
        self.lock.unlock();
        if let Some(waiter) = woken {
            waiter.note.wakeup();
        }
        if self.flaw.is("order") {
            self.permits.fetch_add(1, AcqRel);
        }
    }

    fn send(&self) {
        self.channel_lock.lock();
        let woken = self.with_channel(|(waiter, value)| {
            let waiter = waiter.take();
            let won = |w: &Arc<Waiter>| w.claimed.compare_exchange(0, CHANNEL, AcqRel, Relaxed).is_ok();
            let waiter = waiter.filter(won);
            *value = waiter.is_none();
            waiter
        });
        self.channel_lock.unlock();
        if let Some(waiter) = woken {
            waiter.note.wakeup();
        }
    }

    fn try_recv(&self) -> bool {
        self.channel_lock.lock();
        let value = self.with_channel(|(_, value)| core::mem::take(value));
        self.channel_lock.unlock();
        value
    }

    /// Waits for a permit, and for the channel if `selects`. Which one it has got.
    fn wait(&self, selects: bool) -> usize {
        loop {
            let epoch = self.epoch();
            if self.try_take() {
                return PERMIT;
            }
            if selects && self.try_recv() {
                return CHANNEL;
            }
            let waiter = Arc::new(Waiter { claimed: AtomicUsize::new(0), note: Signal::new() });
            // The second pass: all locks, then everything is looked at again.
            self.lock.lock();
            self.channel_lock.lock();
            let outdated = self.with(|waiting| waiting.epoch) != epoch;
            let ready = outdated || selects && self.with_channel(|(_, value)| *value);
            if !ready {
                self.with(|waiting| waiting.queue.push_back(Arc::clone(&waiter)));
                if selects {
                    self.with_channel(|(place, _)| *place = Some(Arc::clone(&waiter)));
                }
            }
            self.channel_lock.unlock();
            self.lock.unlock();
            if ready {
                continue;
            }
            waiter.note.sleep();
            self.lock.lock();
            self.with(|waiting| waiting.queue.retain(|other| !Arc::ptr_eq(other, &waiter)));
            self.lock.unlock();
            if waiter.claimed.load(Acquire) == CHANNEL {
                return CHANNEL;
            }
            self.channel_lock.lock();
            if selects {
                self.with_channel(|(place, _)| *place = None);
            }
            self.channel_lock.unlock();
            if self.flaw.is("first") && selects && self.try_recv() {
                return CHANNEL;
            }
            if self.try_take() {
                return PERMIT;
            }
        }
    }
}

/// A select and a plain waiter, one permit and one value: the select gets the value, or the permit; then the value is left, and the
/// plain waiter gets the permit that the select gives back.
fn scene(flaw: Flaw, permit_first: bool) {
    loom::model(move || {
        let scene = Scene::new(flaw);
        let there = Arc::clone(&scene);
        let select = thread::spawn(move || {
            if there.wait(true) == PERMIT {
                there.release();
            }
        });
        let there = Arc::clone(&scene);
        let sender = thread::spawn(move || {
            if permit_first {
                there.release();
            }
            there.send();
            if !permit_first {
                there.release();
            }
        });
        assert_eq!(scene.wait(false), PERMIT);
        select.join().unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn a_permit_reaches_one_who_takes_it() {
    scene(Flaw::None, false);
    scene(Flaw::None, true);
}

#[test]
#[should_panic]
fn fails_when_the_epoch_stands_still() {
    scene(Flaw::Here("epoch"), false);
}

#[test]
#[should_panic]
fn fails_when_the_permit_comes_late() {
    scene(Flaw::Here("order"), false);
}

#[test]
#[should_panic]
fn fails_when_a_wake_up_is_spent_on_a_select_that_has_won() {
    scene(Flaw::Here("claim"), false);
}

#[test]
#[should_panic]
fn fails_when_a_woken_select_leaves_with_the_channel() {
    scene(Flaw::Here("first"), true);
}
