//! What a [`Select`](super::Select) consists of: its cases, and what all of them share. What the parts do together is at the
//! head of `dynamic`.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::time::Instant;

use crate::chan::hchan::{Hchan, Now};
use crate::chan::select::Dir;
use crate::chan::{Recv, Send};
use crate::sys::spin::ByteLock;
use crate::wait::{Claim, Sudog, Who};

/// What all sudogs of a select lead to.
pub(super) struct Shared<T> {
    pub(super) claim: Claim,
    /// Where what is received arrives: only one case is claimed.
    pub(super) slot: UnsafeCell<MaybeUninit<T>>,
    pub(super) who: Cell<Option<Who>>,
    /// For ourselves, when the claim does not open.
    pub(super) own: Cell<Option<Sudog>>,
    /// In the list of `clock` while a `select_timeout` waits, and where the moment arrives. When it is missed nothing is to be
    /// done: the clock is asked before the next wait.
    pub(super) alarm: Sudog,
    pub(super) moment: Cell<MaybeUninit<Instant>>,
}

/// A case. `sudog` comes first: its address is the entry's.
#[repr(C)]
pub(super) struct Entry<T> {
    pub(super) sudog: Sudog,
    pub(super) what: What<T>,
    /// What is to be sent.
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
    pub(super) number: u32,
    /// Whether it may be in its channel's list.
    pub(super) listed: Cell<bool>,
    /// Whether it is in `loose`.
    pub(super) loose: Cell<bool>,
}

pub(super) enum What<T> {
    Vacant,
    Recv(Recv<T>),
    Send(Send<T>),
}

/// What a look at a case has found. Whoever is in it has to be woken once the lock is free.
pub(super) enum Look<T> {
    NotReady,
    Received(T, Option<NonNull<Sudog>>),
    /// Closed, and nothing is left.
    Drained,
    Sent(Option<NonNull<Sudog>>),
    /// A send on a closed channel.
    Closed,
}

impl<T> Entry<T> {
    /// Its channel and direction, unless it is vacant or nil.
    #[inline]
    pub(super) fn operation(&self) -> Option<(&Hchan<T>, Dir)> {
        match &self.what {
            What::Vacant => None,
            What::Recv(channel) => Some((channel.hchan()?, Dir::Recv)),
            What::Send(channel) => Some((channel.hchan()?, Dir::Send)),
        }
    }

    /// Where the value of a send case is.
    pub(super) fn value(&self) -> *mut T {
        self.value.get().cast()
    }

    /// Does the operation if it can be done now. Its channel is locked, and the case is not in its list.
    pub(super) fn try_now(&self, channel: &Hchan<T>, dir: Dir) -> Look<T> {
        match dir {
            Dir::Recv => match channel.recv_now() {
                (Now::Ready(value), sender) => Look::Received(value, sender),
                (Now::NotReady, _) => Look::NotReady,
                (Now::Closed, _) => Look::Drained,
            },
            // SAFETY: a send case has its value until it is used up, which it is on `Ready`.
            Dir::Send => match unsafe { channel.send_now(self.value()) } {
                Now::Ready(receiver) => Look::Sent(receiver),
                Now::NotReady => Look::NotReady,
                Now::Closed => Look::Closed,
            },
        }
    }

    /// Enters the list of its channel, which is locked.
    pub(super) fn enlist(&self, channel: &Hchan<T>, dir: Dir) {
        self.sudog.set_success(false);
        self.listed.set(true);
        // SAFETY: locked; the entry stays until `delist`; its slot is the select's (receive), or has its value (send).
        unsafe { channel.enqueue(dir, &self.sudog) };
    }

    /// Leaves the list of its channel. If it was not in it any more, it was missed, and is found in the claim.
    pub(super) fn delist(&self) {
        let Some((channel, dir)) = self.operation() else { return };
        if self.listed.replace(false) {
            channel.lock().lock();
            // SAFETY: locked; `enlist` has put it there.
            unsafe { channel.dequeue(dir, &self.sudog) };
            // SAFETY: taken above.
            unsafe { ByteLock::unlock(channel.lock()) };
        }
    }
}

/// Wakes the sender whose value a look has taken. Without any lock.
pub(super) fn wake_sender(served: Option<NonNull<Sudog>>) {
    if let Some(sudog) = served {
        // SAFETY: popped under its channel's lock.
        unsafe { Sudog::wake_sender(sudog) };
    }
}

/// Wakes the receiver that a look has given a value. Without any lock.
pub(super) fn wake_receiver(served: Option<NonNull<Sudog>>) {
    if let Some(sudog) = served {
        // SAFETY: popped under its channel's lock.
        unsafe { Sudog::wake(sudog) };
    }
}

/// The last thing that the goroutine does before it stops, or the thread before it sleeps.
pub(super) fn open_or_wake<T>(shared: usize) {
    // SAFETY: the address of what the select shares, which stays until the select is woken: that is done by who claims it once
    // it is open, or below.
    let shared = unsafe { &*(shared as *const Shared<T>) };
    if shared.claim.open() {
        return;
    }
    // SAFETY: nobody claims it while it is closed, so it is ours.
    if let Some(own) = unsafe { &*shared.own.as_ptr() } {
        // SAFETY: it is in no list, and wakes its waiter once.
        unsafe { Sudog::wake(NonNull::from(own)) };
    }
}
