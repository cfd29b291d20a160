//! A round of a [`Select`]: look at what may be ready, wait, and see what has come of it. Why it is right is at the head of
//! `dynamic`.

use core::panic::Location;
use core::ptr::NonNull;
use std::time::Duration;

use crate::chan::Recv;
use crate::chan::hchan::{Hchan, Now};
use crate::chan::select::Dir;
use crate::chan::select::dynamic::entry::{
    Entry, Look, Shared, What, open_or_wake, wake_receiver, wake_sender,
};
use crate::chan::select::dynamic::{Select, Selected};
use crate::chan::select::running::{exit_now, random_below};
use crate::gmp::WaitReason;
use crate::sys::spin::ByteLock;
use crate::wait::{Sudog, Who};

impl<T> Select<T> {
    /// What was missed is loose.
    pub(super) fn collect_missed(&mut self) {
        let Select { shared, loose, .. } = self;
        // SAFETY: lives as long as the select.
        let shared = unsafe { shared.as_ref() };
        shared.claim.take_missed(|sudog| {
            if sudog != NonNull::from(&shared.alarm) {
                // SAFETY: any other sudog of ours is the first field of an entry, which lives as long as the select.
                loosen(unsafe { sudog.cast::<Entry<T>>().as_ref() }, loose);
            }
        });
    }

    /// Looks at what may be ready, in random order, and does the first that is. `None`: at one instant nothing was.
    #[inline(never)]
    #[track_caller]
    pub(super) fn look_around(&mut self) -> Option<Selected<T>> {
        loop {
            self.collect_missed();
            while !self.loose.is_empty() {
                let place = match self.loose.len() {
                    1 => 0,
                    n => random_below(n as u32) as usize,
                };
                let number = self.loose[place];
                if let Some(selected) = self.look_at(number) {
                    return Some(selected);
                }
                self.loose.swap_remove(place);
                self.entry(number).loose.set(false);
            }
            if !self.shared().claim.has_missed() {
                return None;
            }
        }
    }

    /// Does one case if it can be done now; else it enters its list. By number: a reference that was passed would have to hold
    /// until the end, and a send case that is used up changes before that.
    #[track_caller]
    fn look_at(&mut self, number: u32) -> Option<Selected<T>> {
        let entry = self.entry(number);
        let (channel, dir) = entry.operation()?;
        channel.lock().lock();
        let (number, look) = match entry.try_now(channel, dir) {
            Look::NotReady => self.enlist(entry, channel, dir),
            look => (entry.number, look),
        };
        // SAFETY: taken above.
        unsafe { ByteLock::unlock(channel.lock()) };
        let number = number as usize;
        match look {
            Look::NotReady => None,
            Look::Received(value, sender) => {
                wake_sender(sender);
                Some(Selected::Recv(number, Some(value)))
            }
            Look::Drained => Some(Selected::Recv(number, None)),
            Look::Sent(receiver) => {
                wake_receiver(receiver);
                Some(self.sent(number))
            }
            Look::Closed => panic!("send on closed channel"),
        }
    }

    /// A case that was looked at and is not ready enters its list. The channel is locked.
    ///
    /// If the look has taken cases of the other direction off their list, one of those is looked at, too: it may be done. If
    /// not, nobody waits for this channel, on neither side, and all cases that were missed here enter their lists as well.
    fn enlist(&mut self, entry: &Entry<T>, channel: &Hchan<T>, dir: Dir) -> (u32, Look<T>) {
        let before = self.loose.len();
        let dir_here = |other: &Entry<T>| match other.operation() {
            Some((at, dir)) if core::ptr::eq(at, channel) => Some(dir),
            _ => None,
        };
        self.collect_missed();
        let missed = self.loose[before..].iter().map(|&number| self.entry(number));
        let opposite = missed.filter_map(|other| Some((other, dir_here(other)?))).find(|(_, to)| *to != dir);
        if let Some((other, opposite)) = opposite {
            match other.try_now(channel, opposite) {
                Look::NotReady => self.collect_missed(),
                look => return (other.number, look),
            }
            let mut place = before;
            while place < self.loose.len() {
                let other = self.entry(self.loose[place]);
                if let Some(dir) = dir_here(other) {
                    self.loose.swap_remove(place);
                    other.loose.set(false);
                    other.enlist(channel, dir);
                } else {
                    place += 1;
                }
            }
        }
        entry.enlist(channel, dir);
        (entry.number, Look::NotReady)
    }

    /// A send case is used up. Without any lock.
    fn sent(&mut self, number: usize) -> Selected<T> {
        self.vacate(number);
        Selected::Sent(number)
    }

    /// Waits. Always inlined: see [`G::switch`](crate::gmp::G::switch).
    #[inline(always)]
    pub(super) fn park(&self, at: &'static Location<'static>) {
        let shared = self.prepare();
        let reason = if self.is_empty() { WaitReason::SelectNoCases } else { WaitReason::Select };
        // SAFETY: set by `prepare`; nobody else touches it.
        if let Some(who) = unsafe { &*shared.who.as_ptr() } {
            who.wait_with(open_or_wake::<T>, self.shared.as_ptr() as usize, reason, at);
        }
    }

    /// Says who waits.
    fn prepare(&self) -> &Shared<T> {
        let shared = self.shared();
        let who = Who::current();
        if who.must_exit() {
            self.leave_alarm();
            exit_now();
        }
        shared.who.set(Some(who));
        // SAFETY: set above; the note of a thread has its place from here on.
        if let Some(who) = unsafe { &*shared.who.as_ptr() } {
            shared.claim.set_waiter(who);
            shared.own.set(Some(Sudog::new(who, core::ptr::null_mut())));
        }
        shared
    }

    /// Awake again. `None`: the claim did not open, or the alarm has ended the wait.
    #[inline(never)]
    #[track_caller]
    pub(super) fn after_wait(&mut self) -> Option<Selected<T>> {
        let winner = self.shared().claim.winner().filter(|&w| w != NonNull::from(&self.shared().alarm))?;
        // SAFETY: as in `collect_missed`.
        let entry = unsafe { winner.cast::<Entry<T>>().as_ref() };
        let number = entry.number as usize;
        loosen(entry, &mut self.loose);
        match (&entry.what, entry.sudog.success()) {
            (What::Send(_), true) => Some(self.sent(number)),
            (What::Send(_), false) => panic!("send on closed channel"),
            (_, false) => Some(Selected::Recv(number, None)),
            (_, true) => {
                // SAFETY: success says that a sender has written the slot, and nobody writes it before the next wait.
                let value = unsafe { self.shared().slot.get().cast::<T>().read() };
                Some(Selected::Recv(number, Some(value)))
            }
        }
    }

    /// From now on.
    pub(super) fn set_alarm(&mut self, d: Duration) {
        let delay = u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        match &self.clock {
            Some(clock) => _ = clock.set_clock(Some(delay), 0),
            None => self.clock = Some(Recv::clock(delay, 0)),
        }
    }

    /// The alarm waits like a case. False: the time has come.
    pub(super) fn enter_alarm(&self) -> bool {
        let Some(clock) = self.clock.as_ref().and_then(Recv::hchan) else { return false };
        clock.lock().lock();
        let waits = matches!(clock.recv_now(), (Now::NotReady, _));
        if waits {
            // SAFETY: locked; `leave_alarm` takes it off before it or the clock goes; its slot is for what a clock gives.
            unsafe { clock.enqueue(Dir::Recv, &self.shared().alarm) };
        }
        // SAFETY: taken above.
        unsafe { ByteLock::unlock(clock.lock()) };
        waits
    }

    /// Whether it was the alarm that ended the wait.
    pub(super) fn leave_alarm(&self) -> bool {
        if let Some(clock) = self.clock.as_ref().and_then(Recv::hchan) {
            clock.lock().lock();
            // SAFETY: locked; `enter_alarm` has put it there.
            unsafe { clock.dequeue(Dir::Recv, &self.shared().alarm) };
            // SAFETY: taken above.
            unsafe { ByteLock::unlock(clock.lock()) };
        }
        self.shared().claim.winner() == Some(NonNull::from(&self.shared().alarm))
    }
}

/// The entry is in no list any more, and will be looked at.
fn loosen<T>(entry: &Entry<T>, loose: &mut Vec<u32>) {
    entry.listed.set(false);
    if !entry.loose.replace(true) {
        loose.push(entry.number); // there is room for all
    }
}
