//! `WaitQ`: a list of waiters, first come first served. Guarded by the lock of whatever it belongs to.
//!
//! Where a million wait, each is on a page of its own that no cache holds. So to take them all is one step, unless a select is
//! among them, and to wake them is one walk, which fetches what is likely to come and lets others run the first meanwhile.

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::sched::park;
use crate::stack;
use crate::sys::fetch;
use crate::wait::Sudog;

/// A doubly linked list of sudogs.
#[derive(Debug)]
pub(crate) struct WaitQ {
    /// Null: nobody. Written under the lock; the one field that others may look at.
    first: AtomicPtr<Sudog>,
    last: Cell<Option<NonNull<Sudog>>>,
}

impl WaitQ {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        WaitQ { first: AtomicPtr::new(core::ptr::null_mut()), last: Cell::new(None) }
    }

    /// Whether nobody waits. With the lock that is so; without it, it was so at some moment.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.load(Ordering::Acquire).is_null() // pairs with the Release in `set_first`; keeps later loads behind this one
    }

    #[inline(always)]
    fn first(&self) -> Option<NonNull<Sudog>> {
        NonNull::new(self.first.load(Ordering::Relaxed)) // under the lock
    }

    #[inline(always)]
    fn set_first(&self, sudog: Option<NonNull<Sudog>>) {
        let first = sudog.map_or(core::ptr::null_mut(), NonNull::as_ptr);
        // Release: pairs with the Acquire in `is_empty`: who finds the list empty without the lock finds what was written before
        // it became so, that the channel is closed above all.
        self.first.store(first, Ordering::Release);
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
        links.queued.set(true);
        let mut mixed = links.claim.get().is_some();
        match last {
            Some(last) => {
                // SAFETY: sudogs in the list are alive.
                let last = unsafe { last.as_ref() };
                last.next.set(Some(sudog));
                mixed |= last.mixed.get();
            }
            None => self.set_first(Some(sudog)),
        }
        links.mixed.set(mixed);
    }

    /// Takes the first waiter off that nobody else has woken through another list.
    ///
    /// # Safety
    /// * The caller holds the list's lock, and wakes the waiter.
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Option<NonNull<Sudog>> {
        loop {
            let first = self.first()?;
            // SAFETY: sudogs in the list are alive.
            let links = unsafe { first.as_ref() };
            let next = links.next.get();
            self.set_first(next);
            match next {
                // SAFETY: as above.
                Some(next) => unsafe { next.as_ref() }.prev.set(None),
                None => self.last.set(None),
            }
            links.queued.set(false);
            if links.claim() {
                return Some(first);
            }
        }
    }

    /// Takes `sudog` off, wherever in the list it is; nothing if it is not there any more.
    ///
    /// # Safety
    /// * The caller holds the list's lock, and the sudog was pushed onto this list.
    pub(crate) unsafe fn remove(&self, sudog: &Sudog) {
        if !sudog.queued.replace(false) {
            return;
        }
        let (prev, next) = (sudog.prev.get(), sudog.next.get());
        match prev {
            // SAFETY: sudogs in the list are alive.
            Some(prev) => unsafe { prev.as_ref() }.next.set(next),
            None => self.set_first(next),
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { next.as_ref() }.prev.set(prev),
            None => self.last.set(prev),
        }
    }

    /// Moves all waiters that nobody else has woken to a list of the caller's own.
    ///
    /// # Safety
    /// * The caller holds the list's lock, and wakes them all.
    #[inline]
    pub(crate) unsafe fn take_all(&self) -> Taken {
        let Some(last) = self.last.get() else { return Taken::new() };
        // SAFETY: sudogs in the list are alive.
        if unsafe { last.as_ref() }.mixed.get() {
            // SAFETY: by contract.
            return unsafe { self.take_each() };
        }
        // Nobody else could wake any of them: the whole list in one piece, however long it is. They stay marked as queued, but
        // only who has a claim takes sudogs off.
        let all = Taken { first: Cell::new(self.first()), last: Cell::new(Some(last)) };
        self.set_first(None);
        self.last.set(None);
        all
    }

    /// # Safety
    /// * As [`take_all`](Self::take_all).
    #[inline(never)]
    unsafe fn take_each(&self) -> Taken {
        let all = Taken::new();
        // SAFETY: by contract.
        while let Some(sudog) = unsafe { self.pop() } {
            all.push(sudog);
        }
        all
    }
}

/// Waiters that were taken off their list and are about to be woken, in order. Nobody else knows them any more.
#[derive(Debug)]
pub(crate) struct Taken {
    first: Cell<Option<NonNull<Sudog>>>,
    last: Cell<Option<NonNull<Sudog>>>,
}

impl Taken {
    /// None.
    pub(crate) const fn new() -> Self {
        Taken { first: Cell::new(None), last: Cell::new(None) }
    }

    /// Adds one that the caller has just popped.
    pub(crate) fn push(&self, sudog: NonNull<Sudog>) {
        // SAFETY: a popped sudog's waiter sleeps until it is woken.
        unsafe { sudog.as_ref() }.next.set(None);
        match self.last.replace(Some(sudog)) {
            // SAFETY: as above.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(sudog)),
            None => self.first.set(Some(sudog)),
        }
    }

    /// Wakes them all. Without any lock held.
    #[inline]
    pub(crate) fn wake(self) {
        let Some(first) = self.first.get() else { return };
        if self.last.get() == Some(first) {
            // SAFETY: as in `wake_from`.
            unsafe { Sudog::wake(first) };
        } else {
            Self::wake_from(first);
        }
    }

    fn wake_from(first: NonNull<Sudog>) {
        /// So many are woken before others get some of them.
        const MANY: u32 = 128;
        let mut next = Some(first);
        let mut woken = 0_u32;
        while let Some(sudog) = next {
            woken = woken.wrapping_add(1);
            if woken.is_multiple_of(MANY) {
                park::share_ready();
            }
            // SAFETY: its waiter sleeps until the line after the next.
            next = unsafe { sudog.as_ref() }.next.get();
            if next.is_some() {
                fetch_ahead(sudog);
            }
            // SAFETY: popped under its list's lock, and in no other `Taken`.
            unsafe { Sudog::wake(sudog) };
        }
    }
}

/// How many stacks ahead.
const AHEAD: usize = 8;

/// Has the cache fetch a sudog that comes later, perhaps: goroutines that have begun one after the other have neighbouring stacks,
/// and wait at the same depth. The links alone would tell of each only once the one before it has come from memory.
#[inline]
fn fetch_ahead(sudog: NonNull<Sudog>) {
    if let Some((place, header)) = stack::same_place(sudog.as_ptr() as usize, AHEAD) {
        fetch::soon(place as *const u8);
        fetch::soon(header as *const u8);
    }
}
