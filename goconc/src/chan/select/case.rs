//! One case of a select: what it would do, and how to find out whether it can.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::chan::hchan::{Hchan, Now};
use crate::chan::select::Dir;
use crate::chan::select::slot::{FromWaitable, Slot};
use crate::chan::select::waiters::{Waitable, Waiters};
use crate::sys::spin::ByteLock;
use crate::wait::Sudog;

/// What a look at one case has found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// Done; somebody has to be woken once the lock is free.
    Done(Option<NonNull<Sudog>>),
    /// Closed: a receive ends without a value, a send panics.
    Closed,
    /// It would have to wait.
    NotReady,
}

/// One case of a select.
pub struct Case<'a> {
    what: What<'a>,
    /// Where the value is or goes to: of the type that `what` knows, and full as it says, until the case is done.
    elem: *mut (),
    full: &'a Cell<bool>,
    /// Not to be tried any more in this pass over the cases.
    dismissed: Cell<bool>,
    id: u32,
    slot: PhantomData<&'a mut ()>,
}

/// What a case waits for.
enum What<'a> {
    /// A nil channel, or a guard that is false. Never ready.
    Nothing,
    /// A channel, and the operation on it, for its type of element.
    Channel { channel: &'a Hchan<()>, dir: Dir, operation: Operation },
    /// Something else, and the epoch in which it was asked last.
    Waitable { waiters: &'a Waiters, it: &'a dyn Ask, asked: Cell<u64> },
}

/// Does a channel operation if it can be done now. The channel is locked, and stays so.
///
/// # Safety
/// * The channel's type of element is the one that the function was made for.
/// * The pointer is a free slot for one (receive) or holds one (send); on `Done` it is the other way round.
type Operation = unsafe fn(&Hchan<()>, *mut ()) -> Look;

/// A [`Waitable`] without its type.
trait Ask {
    /// Moves what can be taken into the slot.
    ///
    /// # Safety
    /// * `elem` is a free slot for an `Output`; with `true` it is full.
    unsafe fn ask(&self, elem: *mut ()) -> bool;
}

impl<W: Waitable> Ask for W {
    unsafe fn ask(&self, elem: *mut ()) -> bool {
        let taken = self.try_take();
        let there = taken.is_some();
        if let Some(value) = taken {
            // SAFETY: a free slot by contract.
            unsafe { elem.cast::<W::Output>().write(value) };
        }
        there
    }
}

/// # Safety
/// * As for every [`Operation`].
unsafe fn recv_now<T>(channel: &Hchan<()>, elem: *mut ()) -> Look {
    // SAFETY: a channel of Ts by contract.
    let channel = unsafe { channel.typed::<T>() };
    let (now, peer) = channel.recv_now();
    match now {
        Now::Ready(value) => {
            // SAFETY: a free slot by contract.
            unsafe { elem.cast::<T>().write(value) };
            Look::Done(peer)
        }
        Now::NotReady => Look::NotReady,
        Now::Closed => Look::Closed,
    }
}

/// # Safety
/// * As for every [`Operation`].
unsafe fn send_now<T>(channel: &Hchan<()>, elem: *mut ()) -> Look {
    // SAFETY: a channel of Ts by contract.
    let channel = unsafe { channel.typed::<T>() };
    // SAFETY: it holds a value by contract, which is moved out on `Ready` only.
    match unsafe { channel.send_now(elem.cast()) } {
        Now::Ready(peer) => Look::Done(peer),
        Now::NotReady => Look::NotReady,
        Now::Closed => Look::Closed,
    }
}

impl<'a> Case<'a> {
    /// Receives from a channel, or from nil.
    #[inline(always)]
    pub(super) fn receiving<T>(channel: Option<&'a Hchan<T>>, slot: &'a mut Slot<T>) -> Self {
        Case::new(What::channel(channel, Dir::Recv, recv_now::<T>), slot)
    }

    /// Sends what is in the slot to a channel, or to nil.
    #[inline(always)]
    pub(super) fn sending<T>(channel: Option<&'a Hchan<T>>, slot: &'a mut Slot<T>) -> Self {
        Case::new(What::channel(channel, Dir::Send, send_now::<T>), slot)
    }

    /// Takes what `it` has.
    pub(super) fn asking<W: Waitable>(it: &'a W, slot: &'a mut Slot<W::Output, FromWaitable>) -> Self {
        // Asked for its list once: safe code may say something else the next time.
        Case::new(What::Waitable { waiters: it.waiters(), it, asked: Cell::new(0) }, slot)
    }

    #[inline(always)]
    fn new<T, K>(what: What<'a>, slot: &'a mut Slot<T, K>) -> Self {
        let (elem, full) = slot.parts();
        Case { what, elem, full, dismissed: Cell::new(false), id: 0, slot: PhantomData }
    }

    /// With this number as the result when it is chosen.
    #[inline(always)]
    #[must_use]
    pub fn id(mut self, id: u32) -> Self {
        self.id = id;
        self
    }

    /// Never ready unless `guard`.
    #[inline(always)]
    #[must_use]
    pub fn when(mut self, guard: bool) -> Self {
        if !guard {
            self.what = What::Nothing;
        }
        self
    }

    pub(super) fn number(&self) -> usize {
        self.id as usize
    }

    pub(super) fn elem(&self) -> *mut () {
        self.elem
    }

    /// The lock that guards what it waits for.
    #[inline(always)]
    pub(super) fn lock(&self) -> Option<&'a ByteLock> {
        match &self.what {
            What::Nothing => None,
            What::Channel { channel, .. } => Some(channel.lock()),
            What::Waitable { waiters, .. } => Some(waiters.lock()),
        }
    }

    /// Whether it is worth trying.
    #[inline(always)]
    pub(super) fn may_proceed(&self) -> bool {
        let may = match &self.what {
            What::Nothing => false,
            What::Channel { channel, dir, .. } => !channel.seems_busy(*dir),
            What::Waitable { .. } => true,
        };
        may && !self.dismissed.get()
    }

    /// Whether it is known not to be ready, although it is worth trying: found out once it was drawn, because it costs more.
    #[inline(always)]
    pub(super) fn is_early(&self) -> bool {
        matches!(&self.what, What::Channel { channel, .. } if channel.seems_early())
    }

    /// From here on the pass over the cases leaves it out.
    pub(super) fn dismiss(&self) {
        self.dismissed.set(true);
    }

    /// To be tried again in the next pass. Under the locks a waitable is not: its epoch tells.
    pub(super) fn recall(&self, locked: bool) {
        self.dismissed.set(locked && self.is_waitable());
    }

    #[inline(always)]
    pub(super) fn is_waitable(&self) -> bool {
        matches!(self.what, What::Waitable { .. })
    }

    /// Whether a waitable may have become available since it was asked. Under its lock this is the truth.
    pub(super) fn is_outdated(&self) -> bool {
        match &self.what {
            What::Waitable { waiters, asked, .. } => waiters.epoch() != asked.get(),
            _ => false,
        }
    }

    /// Does the operation if it can be done now. A channel is locked, and stays so; a waitable is not looked at here.
    #[inline(always)]
    pub(super) fn look(&self) -> Look {
        match &self.what {
            // SAFETY: `new` has matched the operation, the channel and the slot, which is as it was until this is `Done`, and
            // that ends the select.
            What::Channel { channel, operation, .. } => unsafe { operation(channel, self.elem) },
            _ => Look::NotReady,
        }
    }

    /// Takes what the waitable has. Without any lock. False: nothing. Steps 1 and 2 of the protocol of [`Waiters`].
    pub(super) fn ask(&self) -> bool {
        let What::Waitable { waiters, it, asked } = &self.what else { return false };
        asked.set(waiters.epoch());
        // SAFETY: the slot that the case was made with, and free: nothing was taken yet.
        let taken = unsafe { it.ask(self.elem) };
        self.full.set(taken);
        taken
    }

    /// The list of a waitable.
    pub(super) fn waiters(&self) -> Option<&'a Waiters> {
        match &self.what {
            What::Waitable { waiters, .. } => Some(waiters),
            _ => None,
        }
    }

    #[inline(always)]
    fn receives(&self) -> bool {
        !matches!(self.what, What::Channel { dir: Dir::Send, .. })
    }

    /// Wakes whom a look has served.
    ///
    /// # Safety
    /// * It has popped the sudog, and the channel's lock is free.
    #[inline(always)]
    pub(super) unsafe fn wake_peer(&self, peer: NonNull<Sudog>) {
        if self.receives() {
            // SAFETY: by contract.
            unsafe { Sudog::wake_sender(peer) };
        } else {
            // SAFETY: by contract.
            unsafe { Sudog::wake(peer) };
        }
    }

    /// The value has moved. False: the case is a send on a closed channel.
    #[inline(always)]
    pub(super) fn finish(&self, moved: bool) -> bool {
        let receives = self.receives();
        if moved {
            self.full.set(receives);
        }
        moved || receives
    }

    /// Enters the list. Locked.
    ///
    /// # Safety
    /// * The sudog stays where it is until it is off the list; its slot is the case's.
    pub(super) unsafe fn enqueue(&self, sudog: &Sudog) {
        match &self.what {
            What::Nothing => {}
            // SAFETY: by contract; the slot is as `new` wants it.
            What::Channel { channel, dir, .. } => unsafe { channel.enqueue(*dir, sudog) },
            // SAFETY: by contract.
            What::Waitable { waiters, .. } => unsafe { waiters.queue().push(sudog) },
        }
    }

    /// Leaves the list, if it is still there. Locked.
    ///
    /// # Safety
    /// * It was enqueued by this case.
    pub(super) unsafe fn dequeue(&self, sudog: &Sudog) {
        match &self.what {
            What::Nothing => {}
            // SAFETY: by contract.
            What::Channel { channel, dir, .. } => unsafe { channel.dequeue(*dir, sudog) },
            // SAFETY: by contract.
            What::Waitable { waiters, .. } => unsafe { waiters.queue().remove(sudog) },
        }
    }
}

impl<'a> What<'a> {
    #[inline(always)]
    fn channel<T>(channel: Option<&'a Hchan<T>>, dir: Dir, operation: Operation) -> Self {
        match channel {
            Some(channel) => What::Channel { channel: channel.erased(), dir, operation },
            None => What::Nothing,
        }
    }
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("id", &self.id).finish_non_exhaustive()
    }
}
