//! [`Select`]: cases that are not known when the program is written, by the thousand.
//!
//! A round costs what has happened since the last one, not what is being waited for. Each case has a sudog, and between rounds
//! the sudogs stay in their channels' lists. All of them share one claim, which is open only while the select waits. Who meets
//! a sudog while it is closed takes it off its list and leaves it with the claim as *missed* (`wait::Claim`).
//!
//! Invariants:
//!  - A case whose sudog is in its channel's list is not ready. It was not when it entered the list, under the channel's
//!    lock; and whatever makes it ready looks into that list first, and takes the sudog off.
//!  - Every other case is *loose* (it is in `loose`, and is looked at before the next wait), missed (and becomes loose before
//!    the next wait), nil, or vacant.
//!  - The claim opens only if nothing was missed, in one atomic step. So at that instant no case is ready, and from there on
//!    whoever makes one ready claims the select. The same look without opening is what `try_select` needs for its "no".
//!  - A goroutine opens the claim when it has said that it stops (`Commit::Call`); if something was missed meanwhile, it makes
//!    itself runnable again.
//!
//! A select with both directions of one channel would meet its own sudogs: to look at the one case takes the other off, for
//! ever in turn. So a case that is not ready enters the list together with those that its look has taken off (`enlist`), if
//! they are not ready either.
//!
//! Two selects cannot miss each other: a case enters its list only after a look that has emptied the opposite list. So in
//! the lists of one channel there are sudogs of one direction only, but for both directions of one select.
//!
//! `entry` has what a select consists of, `round` what it does.
//!
//! The entries do not move and are touched by others only through their sudogs, which are all cells.

mod entry;
mod round;

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;
use std::time::{Duration, Instant};

use crate::chan::select::dynamic::entry::{Entry, Shared, What};
use crate::chan::{Recv, Send};
use crate::wait::{Claim, Sudog};

/// What a [`Select`] has done: which case, by the number that it was added with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected<T> {
    /// A receive. `None`: the channel is closed and drained. The case stays, and is ready again at once: remove it.
    Recv(usize, Option<T>),
    /// A send. The case is used up: it is gone, and its number is free.
    Sent(usize),
}

/// A select over any number of channels, which may change from round to round.
///
/// Go: `reflect.Select`. There are three differences: the cases stay from one round to the next; there is no limit on their
/// number (Go's is 65 536); and a round costs what has happened since the last one, and not what is waited for. Nothing is
/// allocated in a round.
///
/// A case keeps its number until it is removed or used up. Then the number is free, and the next case that is added may get
/// it. A nil channel is legal and never ready. Of several ready cases one is chosen at random, each as likely as the others.
///
/// # Examples
/// Fan-in of channels that end one after the other:
/// ```
/// use goconc::chan::{Select, Selected};
/// use goconc::{Chan, go};
///
/// let mut inputs = Select::new();
/// for i in 0..100 {
///     let ch = Chan::new();
///     inputs.recv(&ch);
///     go! {
///         ch.send(i);
///         ch.close();
///     }
/// }
/// let mut sum = 0;
/// while !inputs.is_empty() {
///     match inputs.select() {
///         Selected::Recv(_, Some(v)) => sum += v,
///         Selected::Recv(i, None) => _ = inputs.remove(i),
///         Selected::Sent(_) => unreachable!(),
///     }
/// }
/// assert_eq!(sum, 4950);
/// ```
pub struct Select<T> {
    shared: NonNull<Shared<T>>,
    /// All that there ever were, by number.
    entries: Vec<NonNull<Entry<T>>>,
    /// The numbers of those that are to be looked at. Has room for all of them.
    loose: Vec<u32>,
    /// The numbers of those that are vacant. Has room for all of them.
    vacant: Vec<u32>,
    /// For `select_timeout`.
    clock: Option<Recv<Instant>>,
}

// SAFETY: what it shares with others is behind channels' locks and the claim's atomic; values go where it goes.
unsafe impl<T: core::marker::Send> core::marker::Send for Select<T> {}
// SAFETY: a shared reference reads counts only.
unsafe impl<T: core::marker::Send> Sync for Select<T> {}

impl<T> Select<T> {
    /// One without cases.
    pub fn new() -> Self {
        let shared = Box::leak(Box::new(Shared {
            claim: Claim::new(),
            slot: UnsafeCell::new(MaybeUninit::uninit()),
            who: Cell::new(None),
            own: Cell::new(None),
            alarm: Sudog::of(NonNull::dangling(), core::ptr::null_mut()),
            moment: Cell::new(MaybeUninit::uninit()),
        }));
        shared.alarm = Sudog::of(NonNull::from(&shared.claim), shared.moment.as_ptr().cast());
        Select {
            shared: NonNull::from(shared),
            entries: Vec::new(),
            loose: Vec::new(),
            vacant: Vec::new(),
            clock: None,
        }
    }

    /// Adds a case that receives from `channel`. Returns its number.
    ///
    /// Go: `reflect.SelectCase{Dir: reflect.SelectRecv, Chan: ch}`
    pub fn recv(&mut self, channel: impl Into<Recv<T>>) -> usize {
        let elem = self.shared().slot.get().cast();
        self.add(What::Recv(channel.into()), None, elem)
    }

    /// Adds a case that sends `value` on `channel`. The value waits inside until its turn. Returns the case's number.
    ///
    /// Go: `reflect.SelectCase{Dir: reflect.SelectSend, Chan: ch, Send: v}`
    ///
    /// # Examples
    /// ```
    /// use goconc::chan::{Chan, Select, Selected};
    ///
    /// let ch = Chan::with_capacity(1);
    /// let mut select = Select::new();
    /// let (first, second) = (select.send(&ch, 'a'), select.send(&ch, 'b'));
    /// let Selected::Sent(sent) = select.select() else { unreachable!() };
    /// let left = if sent == first { second } else { first };
    /// assert_eq!(select.try_select(), None); // the channel is full
    /// assert!(select.remove(left).is_some()); // the value that was not sent
    /// ```
    pub fn send(&mut self, channel: impl Into<Send<T>>, value: T) -> usize {
        self.add(What::Send(channel.into()), Some(value), core::ptr::null_mut())
    }

    /// Removes a case. An unused send case gives its value back. The numbers of other cases do not change.
    ///
    /// `None` also for a number without a case.
    pub fn remove(&mut self, number: usize) -> Option<T> {
        let entry = *self.entries.get(number)?;
        // SAFETY: entries live as long as the select.
        let shared = unsafe { entry.as_ref() };
        let sends = match shared.what {
            What::Vacant => return None,
            What::Recv(_) => false,
            What::Send(_) => true,
        };
        shared.delist();
        // SAFETY: a send case has its value until it is used up, and it is in no list where it could be taken from.
        let value = sends.then(|| unsafe { shared.value().read() });
        self.vacate(number);
        value
    }

    /// How many cases there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    /// Whether there is no case.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until one of the cases can proceed, and does it.
    ///
    /// Go: `reflect.Select(cases)`
    ///
    /// # Parks
    /// Until a case can proceed; for ever, if there is none or all channels are nil.
    ///
    /// # Panics
    /// `send on closed channel`, if that is the case that is chosen. It stays as it is: [`remove`](Self::remove) gives its
    /// value back.
    #[inline(always)]
    #[track_caller]
    pub fn select(&mut self) -> Selected<T> {
        let at = Location::caller();
        loop {
            if let Some(selected) = self.look_around() {
                return selected;
            }
            self.park(at);
            if let Some(selected) = self.after_wait() {
                return selected;
            }
        }
    }

    /// Does one of the cases, if one can proceed now.
    ///
    /// Go: `reflect.Select(cases)` with a `SelectDefault`
    ///
    /// # Panics
    /// As [`select`](Self::select).
    #[track_caller]
    pub fn try_select(&mut self) -> Option<Selected<T>> {
        self.look_around()
    }

    /// As [`select`](Self::select), but `None` if no case could proceed for the time of `d`.
    ///
    /// Go: `reflect.Select(cases)` with a case for `time.After(d)`
    ///
    /// # Parks
    /// Until a case can proceed, but not much longer than `d`.
    ///
    /// # Panics
    /// As [`select`](Self::select).
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use goconc::Chan;
    /// use goconc::chan::Select;
    ///
    /// let (mut select, start) = (Select::new(), Instant::now());
    /// select.recv(Chan::<()>::new());
    /// assert_eq!(select.select_timeout(Duration::from_millis(5)), None);
    /// assert!(start.elapsed() >= Duration::from_millis(5));
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn select_timeout(&mut self, d: Duration) -> Option<Selected<T>> {
        let at = Location::caller();
        let mut selected = self.look_around();
        if selected.is_some() {
            return selected;
        }
        self.set_alarm(d);
        while self.enter_alarm() {
            self.park(at);
            let rang = self.leave_alarm();
            selected = self.after_wait().or_else(|| self.look_around());
            if selected.is_some() || rang {
                break;
            }
        }
        selected
    }

    fn shared(&self) -> &Shared<T> {
        // SAFETY: lives as long as the select.
        unsafe { self.shared.as_ref() }
    }

    fn entry<'a>(&self, number: u32) -> &'a Entry<T> {
        // SAFETY: entries live as long as the select; they change in `add` and `vacate` only, where no other reference is.
        unsafe { self.entries[number as usize].as_ref() }
    }

    fn add(&mut self, what: What<T>, value: Option<T>, elem: *mut ()) -> usize {
        let number = self.vacant.pop().unwrap_or_else(|| self.grow());
        let mut entry = self.entries[number as usize];
        // SAFETY: it is vacant: in no list and not missed, so nobody else knows it.
        let entry = unsafe { entry.as_mut() };
        entry.what = what;
        let elem = match value {
            Some(value) => core::ptr::from_mut(entry.value.get_mut().write(value)).cast(),
            None => elem,
        };
        entry.sudog = Sudog::of(NonNull::from(&self.shared().claim), elem);
        if entry.operation().is_some() && !entry.loose.replace(true) {
            self.loose.push(number);
        }
        number as usize
    }

    /// Makes a vacant entry, and room for it everywhere.
    fn grow(&mut self) -> u32 {
        let number =
            u32::try_from(self.entries.len()).unwrap_or_else(|_| panic!("chan::Select: too many cases"));
        let entry = Box::new(Entry {
            sudog: Sudog::of(NonNull::from(&self.shared().claim), core::ptr::null_mut()),
            what: What::Vacant,
            value: UnsafeCell::new(MaybeUninit::uninit()),
            number,
            listed: Cell::new(false),
            loose: Cell::new(false),
        });
        self.entries.push(NonNull::from(Box::leak(entry)));
        self.loose.reserve(self.entries.len() - self.loose.len());
        self.vacant.reserve(self.entries.len() - self.vacant.len());
        number
    }

    /// Forgets a case that is in no list. Its value is gone already.
    fn vacate(&mut self, number: usize) {
        self.collect_missed(); // it may be there: nobody may know it any more
        let mut entry = self.entries[number];
        // SAFETY: it is in no list and not missed, so nobody else knows it.
        let entry = unsafe { entry.as_mut() };
        let channel = core::mem::replace(&mut entry.what, What::Vacant);
        self.vacant.push(number as u32);
        drop(channel); // the last reference drops what is buffered: user code, which finds us in order
    }
}

impl<T> Drop for Select<T> {
    fn drop(&mut self) {
        // First all leave their lists: nobody knows them any more, and then values and channels go.
        (0..self.entries.len()).for_each(|number| self.entry(number as u32).delist());
        for number in 0..self.entries.len() {
            drop(self.remove(number));
        }
        for entry in self.entries.drain(..) {
            // SAFETY: made by `grow`, and in no list.
            drop(unsafe { Box::from_raw(entry.as_ptr()) });
        }
        // SAFETY: made by `new`, and no sudog is left that leads here.
        drop(unsafe { Box::from_raw(self.shared.as_ptr()) });
    }
}

impl<T> Default for Select<T> {
    fn default() -> Self {
        Select::new()
    }
}

impl<T> fmt::Debug for Select<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("cases", &self.len()).finish_non_exhaustive()
    }
}
