//! `Timers`: what is due when, for one P. Knows no goroutine and no channel: a timer is a function and its argument.
//!
//! The heap has a lock of its own, because any M may run the timers of an idle P; `next` is the earliest deadline, read
//! without the lock. Deadlines are [`clock::nanos`](crate::sys::clock::nanos).

use core::cmp::Reverse;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BinaryHeap;

use parking_lot::Mutex;

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;

/// What happens when the time has come. Called once, without any lock, on a scheduler's stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    /// The function.
    pub(crate) f: fn(usize),
    /// Its argument.
    pub(crate) arg: usize,
}

struct Entry {
    when: u64,
    seq: u64,
    action: Action,
}

impl Entry {
    /// Earlier first; among equals, first come first served.
    fn key(&self) -> (u64, u64) {
        (self.when, self.seq)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[derive(Default)]
struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    seq: u64,
}

/// The timers of one P.
pub(crate) struct Timers {
    next: AtomicU64,
    heap: Mutex<Heap>,
}

impl core::fmt::Debug for Timers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Timers").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Timers {
    /// No timers.
    pub(crate) fn new() -> Self {
        Timers { next: AtomicU64::new(NEVER), heap: Mutex::new(Heap::default()) }
    }

    /// The earliest deadline, or [`NEVER`].
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        // Acquire: pairs with the Release in `add`; who sees a deadline finds its entry under the lock anyway.
        self.next.load(Ordering::Acquire)
    }

    /// Arms a timer.
    pub(crate) fn add(&self, when: u64, action: Action) {
        let mut heap = self.heap.lock();
        heap.seq += 1;
        let seq = heap.seq;
        heap.entries.push(Reverse(Entry { when, seq, action }));
        self.publish(&heap);
    }

    fn publish(&self, heap: &Heap) {
        let next = heap.entries.peek().map_or(NEVER, |Reverse(entry)| entry.when);
        self.next.store(next, Ordering::Release); // pairs with the Acquire in `next`
    }

    /// Runs everything that is due at `now`; says how many that were.
    pub(crate) fn run(&self, now: u64) -> usize {
        let mut count = 0;
        while self.next() <= now {
            let mut heap = self.heap.lock();
            let due = match heap.entries.peek() {
                Some(Reverse(entry)) if entry.when <= now => heap.entries.pop(),
                _ => None,
            };
            self.publish(&heap);
            drop(heap); // the action may arm a timer
            if let Some(Reverse(entry)) = due {
                (entry.action.f)(entry.action.arg);
                count += 1;
            }
        }
        count
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn due_ones_run_in_order_and_late_ones_wait() {
        static RAN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
        let timers = Timers::new();
        for (when, arg) in [(30, 3), (10, 1), (20, 2), (10, 4)] {
            timers.add(when, Action { f: |arg| RAN.lock().push(arg), arg });
        }
        assert_eq!(timers.next(), 10);
        assert_eq!(timers.run(20), 3);
        assert_eq!(*RAN.lock(), [1, 4, 2]);
        assert_eq!(timers.next(), 30);
        assert_eq!(timers.run(29), 0);
        assert_eq!(timers.run(30), 1);
        assert_eq!(timers.next(), NEVER);
    }
}
