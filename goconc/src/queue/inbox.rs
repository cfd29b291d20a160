//! `Inbox`: goroutines that others made runnable for one M, and whether that M sleeps, in one word.
//!
//! The word is EMPTY, SLEEPING, or the address of the newest node, whose `next` is the one before. Any thread pushes
//! with one compare-and-swap, which also tells it whether the owner sleeps: no second look, no fence, no lost wake-up.
//! The owner takes all with one swap. Only the owner goes from EMPTY to SLEEPING, only a push or the owner leaves it.
//!
//! Who pushes onto SLEEPING owes the owner a wake-up, exactly one, because its push made the word a node's address.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::sys::atomic::{AtomicUsize, Ordering};

const EMPTY: usize = 0;
const SLEEPING: usize = 1;

/// A link of the list. Lives on the waiter's own stack or in its header; `item` is opaque here.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Node {
    next: Cell<Option<NonNull<Node>>>,
    item: Cell<usize>,
}

impl Node {
    /// A node that carries `item` and is in no list.
    pub(crate) const fn new(item: usize) -> Self {
        Node { next: Cell::new(None), item: Cell::new(item) }
    }

    /// What it carries.
    pub(crate) fn item(&self) -> usize {
        self.item.get()
    }

    /// Makes it carry `item`. By its owner, while it is in no list.
    pub(crate) fn set_item(&self, item: usize) {
        self.item.set(item);
    }
}

/// What a push found.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pushed {
    /// The owner is awake, or somebody else owes it the wake-up.
    Awake,
    /// The owner slept: this push owes it a wake-up.
    Sleeping,
}

/// The list and the sleeping mark of one M.
#[derive(Debug)]
pub(crate) struct Inbox(AtomicUsize);

impl Inbox {
    /// An empty inbox of an owner that is awake.
    pub(crate) fn new() -> Self {
        Inbox(AtomicUsize::new(EMPTY))
    }

    /// Adds `node`.
    ///
    /// # Safety
    /// * `node` stays valid, and is in no other list, until the owner has drained it.
    pub(crate) unsafe fn push(&self, node: NonNull<Node>) -> Pushed {
        let mut old = self.0.load(Ordering::Relaxed); // only a guess for the exchange below
        loop {
            let below = if old == SLEEPING { None } else { NonNull::new(old as *mut Node) };
            // SAFETY: valid by contract, and ours until the exchange publishes it.
            unsafe { node.as_ref() }.next.set(below);
            // Release: pairs with the Acquire in `drain`: publishes `next` and what the node stands for.
            match self.0.compare_exchange_weak(
                old,
                node.as_ptr() as usize,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(SLEEPING) => return Pushed::Sleeping,
                Ok(_) => return Pushed::Awake,
                Err(now) => old = now,
            }
        }
    }

    /// Whether there is nothing to drain. Owner or a curious bystander.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= SLEEPING // a hint; `drain` and `try_sleep` decide
    }

    /// Takes everything, oldest first, and leaves EMPTY. Only by the owner.
    pub(crate) fn drain(&self, mut each: impl FnMut(usize)) {
        // Acquire: pairs with the Release in `push`.
        let newest = self.0.swap(EMPTY, Ordering::Acquire);
        if newest <= SLEEPING {
            return;
        }
        let (mut todo, mut reversed) = (NonNull::new(newest as *mut Node), None::<NonNull<Node>>);
        while let Some(node) = todo {
            // SAFETY: pushed nodes stay valid until drained, which happens here, once.
            let links = unsafe { &node.as_ref().next };
            todo = links.replace(reversed);
            reversed = Some(node);
        }
        while let Some(node) = reversed {
            // Read all of the node before `each`: once its item is runnable elsewhere, the node may be gone.
            // SAFETY: as above; `each` has not seen this node's item yet.
            let node = unsafe { node.as_ref() };
            reversed = node.next.get();
            each(node.item());
        }
    }

    /// Marks the owner as asleep, unless something has come in. Only by the owner.
    #[must_use]
    pub(crate) fn try_sleep(&self) -> bool {
        // AcqRel is not needed: a failed exchange is followed by `drain`, which acquires; a success publishes nothing
        // that the pusher reads without the scheduler's lock.
        self.0.compare_exchange(EMPTY, SLEEPING, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes the sleeping mark back, if it is still there. Only by the owner, once it is awake.
    pub(crate) fn wake(&self) {
        // Failure means that nodes have come in; they stay.
        let _ = self.0.compare_exchange(SLEEPING, EMPTY, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn drains_in_order_and_tells_who_owes_the_wake_up() {
        let nodes: Vec<_> = (0..4).map(|i| Node::new(i * 10)).collect();
        let inbox = Inbox::new();
        assert!(inbox.try_sleep());
        let owed: Vec<_> = nodes
            .iter()
            // SAFETY: the nodes outlive the inbox and are pushed once.
            .map(|n| unsafe { inbox.push(NonNull::from(n)) })
            .collect();
        assert_eq!(owed, [Pushed::Sleeping, Pushed::Awake, Pushed::Awake, Pushed::Awake]);
        assert!(!inbox.try_sleep());
        let mut seen = Vec::new();
        inbox.drain(|item| seen.push(item));
        assert_eq!(seen, [0, 10, 20, 30]);
        assert!(inbox.is_empty());
        assert!(inbox.try_sleep());
        inbox.wake();
        assert!(inbox.try_sleep());
    }
}
