//! `WaitQ`: a list of waiters, first come first served. Guarded by the lock of whatever it belongs to.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::wait::Sudog;

/// A doubly linked list of sudogs.
#[derive(Debug)]
pub(crate) struct WaitQ {
    first: Cell<Option<NonNull<Sudog>>>,
    last: Cell<Option<NonNull<Sudog>>>,
}

impl WaitQ {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        WaitQ { first: Cell::new(None), last: Cell::new(None) }
    }

    /// Adds a waiter at the end.
    ///
    /// # Safety
    /// * The caller holds the list's lock, and the sudog stays where it is until it is taken off.
    #[inline]
    pub(crate) unsafe fn push(&self, sudog: &Sudog) {
        let sudog = NonNull::from(sudog);
        let last = self.last.replace(Some(sudog));
        // SAFETY: alive by contract.
        let links = unsafe { sudog.as_ref() };
        links.prev.set(last);
        links.next.set(None);
        match last {
            // SAFETY: sudogs in the list are alive.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(sudog)),
            None => self.first.set(Some(sudog)),
        }
    }

    /// Takes the first waiter off.
    ///
    /// # Safety
    /// * The caller holds the list's lock.
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Option<NonNull<Sudog>> {
        let first = self.first.get()?;
        // SAFETY: sudogs in the list are alive.
        let next = unsafe { first.as_ref() }.next.get();
        self.first.set(next);
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { next.as_ref() }.prev.set(None),
            None => self.last.set(None),
        }
        Some(first)
    }

    /// Takes all of them off, as a list of its own. They stay linked.
    ///
    /// # Safety
    /// * The caller holds the list's lock.
    pub(crate) unsafe fn take_all(&self) -> WaitQ {
        let all = WaitQ::new();
        all.first.set(self.first.take());
        all.last.set(self.last.take());
        all
    }
}
