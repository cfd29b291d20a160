//! A goroutine that begins with a receive and has to wait for it: it has no stack meanwhile.
//!
//! It is a record, as one that naps for a time (`spawn::Leaving`). Its sudog, which otherwise is a local of the parked frame, is in a block, and
//! its slot beside what it does afterwards. Whoever wakes it queues the record. When that runs and a sender has filled the slot,
//! the value is there; otherwise (the channel has been closed, or was not so empty after all) it receives like anybody else.

use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;

use crate::block::{self, Block};
use crate::chan::Recv;
use crate::chan::hchan::{Hchan, give_block, take_block};
use crate::chan::select::Dir;
use crate::gmp::record::Why;
use crate::gmp::{Record, g};
use crate::sched::spawn;
use crate::wait::Sudog;

const _: () = assert!(size_of::<Sudog>() <= block::SIZE && align_of::<Sudog>() <= align_of::<Block>());

/// A value that was received.
#[derive(Debug)]
pub struct Got<T>(T);

impl<T> Got<T> {
    /// What `recv` would have given.
    #[inline]
    pub fn get(self) -> Option<T> {
        Some(self.0)
    }
}

/// What a goroutine gets that has begun with a receive.
#[derive(Debug)]
pub enum First<V> {
    /// What was received.
    Now(V),
    /// It is to receive now.
    Call,
}

/// What it receives from, and where.
#[derive(Debug)]
pub struct Target<T> {
    chan: Option<NonNull<Hchan<T>>>,
    at: &'static Location<'static>,
}

impl<T> Target<T> {
    /// For a receive at `at`.
    pub(crate) fn new(from: &Recv<T>, at: &'static Location<'static>) -> Self {
        Target { chan: from.hchan().map(NonNull::from), at }
    }

    /// The calling goroutine receives, and goes on as `rest`, with which it ends.
    ///
    /// # Safety
    /// * `rest` may run on another thread, and keeps the channel alive until it has begun.
    /// * The caller does nothing more on the goroutine's account than to return from its closure.
    pub(crate) unsafe fn receive<R: FnOnce(First<Got<T>>)>(self, rest: R) {
        match self.chan {
            // SAFETY: by contract.
            Some(chan) => unsafe { receive(chan, self.at, rest) },
            None => rest(First::Call),
        }
    }
}

/// What waits.
struct Dormant<T, R> {
    sudog: NonNull<Sudog>,
    slot: MaybeUninit<T>,
    rest: R,
}

/// # Safety
/// * As [`Target::receive`].
unsafe fn receive<T, R: FnOnce(First<Got<T>>)>(
    c: NonNull<Hchan<T>>,
    at: &'static Location<'static>,
    rest: R,
) {
    // SAFETY: alive by contract, as long as `rest` has not begun.
    let chan = unsafe { c.as_ref() };
    // A channel that belongs to a timer has its own ways.
    let g = g::current().filter(|_| !chan.is_clock() && chan.seems_busy(Dir::Recv));
    let Some(stay) = g.and_then(spawn::can_leave_stack) else {
        return rest(First::Call);
    };
    let sudog = take_block().cast::<Sudog>();
    let dormant = Box::new(Dormant { sudog, slot: MaybeUninit::<T>::uninit(), rest });
    let dormant = NonNull::from(Box::leak(dormant));
    // SAFETY: made of a box just now; nobody else has it.
    let slot = unsafe { &raw mut (*dormant.as_ptr()).slot };
    let resume = move || {
        // SAFETY: the goroutine's closure runs once.
        unsafe { Dormant::resume(dormant) };
    };
    let wait = |record: NonNull<Record>| {
        // SAFETY: a block is as large as a sudog, and as aligned.
        unsafe { sudog.write(Sudog::of_record(record, slot.cast())) };
        // SAFETY: written just now; it stays until the record runs, and so does the channel.
        unsafe { Hchan::enqueue_unless_ready(c, sudog) }
    };
    // SAFETY: by contract.
    unsafe { stay.leave(at, Why::Receive, resume, wait) };
}

impl<T, R: FnOnce(First<Got<T>>)> Dormant<T, R> {
    /// # Safety
    /// * `this` came from a box; the sudog is in no list any more, or never was.
    unsafe fn resume(this: NonNull<Self>) {
        // SAFETY: by contract.
        let Dormant { sudog, slot, rest } = *unsafe { Box::from_raw(this.as_ptr()) };
        // SAFETY: it stays until it is given back below.
        let success = unsafe { sudog.as_ref() }.success();
        // SAFETY: nobody else knows it.
        unsafe { give_block(sudog.cast()) };
        // SAFETY: success says that a sender has written the slot.
        rest(if success { First::Now(Got(unsafe { slot.assume_init() })) } else { First::Call });
    }
}
