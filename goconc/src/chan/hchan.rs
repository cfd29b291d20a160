//! The state of one channel: a ring, two wait queues, one lock, in one cache line.
//!
//! Invariants, true whenever the lock is free:
//!  - `sendq` or `recvq` is empty (or a select waits on both sides of this channel);
//!  - `len > 0` implies that `recvq` is empty;
//!  - `len < cap` implies that `sendq` is empty;
//!  - if it is closed, both are empty.
//!
//! A value moves exactly once: from the sender to a waiting receiver's slot, or into the ring, or, from a waiting sender's
//! slot, to the receiver or into the ring. A waiter that was handed its value owns it before it runs: nobody can come
//! between (no barging). No user code runs under the lock.

use core::cell::Cell;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};
use std::alloc::{Layout, alloc, dealloc};
use std::time::Instant;

use crate::block::{self, Block};
use crate::chan::clock::{self, Clock};
use crate::chan::select::Dir;
use crate::gmp::{WaitReason, g, here};
use crate::sched::park;
use crate::sys::spin::ByteLock;
use crate::timer::NEVER;
use crate::wait::waitq::WaitQ;
use crate::wait::{self, Sudog, Who};

/// A channel's inside. `lock` guards every `Cell` and both queues; the atomics are written under it and may be read
/// without it.
#[repr(C, align(64))]
pub(super) struct Hchan<T> {
    lock: ByteLock,
    /// OPEN, CLOSED or CLOCK.
    state: AtomicU8,
    refs: AtomicU32,
    len: AtomicU32,
    cap: u32,
    head: Cell<u32>,
    /// The ring; of a clock channel, the clock.
    buf: NonNull<T>,
    recvq: WaitQ,
    sendq: WaitQ,
}

/// It is neither of the other two.
const OPEN: u8 = 0;
/// It has been closed.
const CLOSED: u8 = 1;
/// It belongs to a timer: see `clock`. Nobody sends into it or closes it.
const CLOCK: u8 = 2;

/// What a non-blocking operation found.
pub(super) enum Now<T> {
    /// Done.
    Ready(T),
    /// It would have to wait.
    NotReady,
    /// The channel is closed (and drained, for a receive).
    Closed,
}

/// Drops a value that is sent no more.
struct DropAtExit<T>(*mut ManuallyDrop<T>);

impl<T> Drop for DropAtExit<T> {
    fn drop(&mut self) {
        // SAFETY: the sender's own, which has not been shown to anybody: `wait::begin` has not returned.
        let value = unsafe { &mut *self.0 };
        // SAFETY: nobody uses it any more.
        unsafe { ManuallyDrop::drop(value) };
    }
}

impl<T> Hchan<T> {
    /// Makes a channel with one reference. `None`: such a capacity cannot be had.
    pub(super) fn make(capacity: usize) -> Option<NonNull<Hchan<T>>> {
        const { assert!(size_of::<Hchan<T>>() == block::SIZE) };
        let cap = u32::try_from(capacity).ok()?;
        let layout = Layout::array::<T>(capacity).ok()?;
        let buf = if layout.size() == 0 {
            NonNull::dangling()
        } else {
            // SAFETY: the layout is not empty.
            NonNull::new(unsafe { alloc(layout) })?.cast()
        };
        Some(Self::place(OPEN, cap, buf))
    }

    #[inline]
    fn place(state: u8, cap: u32, buf: NonNull<T>) -> NonNull<Hchan<T>> {
        let this = take_block().cast::<Hchan<T>>();
        let blank = Hchan {
            lock: ByteLock::new(),
            state: AtomicU8::new(state),
            refs: AtomicU32::new(1),
            len: AtomicU32::new(0),
            cap,
            head: Cell::new(0),
            buf,
            recvq: WaitQ::new(),
            sendq: WaitQ::new(),
        };
        // SAFETY: a free block is large enough and aligned: both are one cache line.
        unsafe { this.write(blank) };
        this
    }

    /// One more reference.
    #[inline]
    pub(super) fn retain(&self) {
        // Relaxed: who clones has a reference, so the count cannot reach zero meanwhile.
        if self.refs.fetch_add(1, Ordering::Relaxed) > u32::MAX / 2 {
            crate::sys::throw::throw("chan: too many references");
        }
    }

    /// One reference less; the last one frees the channel and drops what is buffered.
    ///
    /// # Safety
    /// * `this` is alive, and the caller gives up one reference.
    #[inline]
    pub(super) unsafe fn release(this: NonNull<Self>) {
        // SAFETY: alive by contract, and until the count goes down.
        let c = unsafe { this.as_ref() };
        // Who has the only reference need not count it down: nobody else can make one. Only of a clock channel: one that was
        // reset while it fired may be in a heap although nobody waits, and `retain_unless_gone` must see that it goes.
        // Acquire: pairs with the Release of those who gave up theirs, as the fence in `destroy` does.
        let is_only_one = c.refs.load(Ordering::Acquire) == 1 && c.clock().is_none();
        if is_only_one || c.refs.fetch_sub(1, Ordering::Release) == 1 {
            // SAFETY: that was the last reference.
            unsafe { Self::destroy(this) };
        }
    }

    /// # Safety
    /// * The last reference is gone.
    unsafe fn destroy(this: NonNull<Self>) {
        fence(Ordering::Acquire); // pairs with the Release in `release`: all other uses happened before
        // SAFETY: no reference is left, so nobody else looks.
        let c = unsafe { this.as_ref() };
        let capacity = c.cap as usize;
        let layout = Layout::array::<T>(capacity);
        let drop_buffered = || {
            while c.len.load(Ordering::Relaxed) > 0 {
                drop(c.take_buffered()); // Relaxed above: we are alone
            }
        };
        if let Some(clock) = c.clock() {
            // SAFETY: nobody else knows the channel.
            unsafe { Clock::destroy(clock) };
        }
        // A destructor that panics must not leak the rest, nor the channel itself.
        let mut panicked = None;
        while let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(drop_buffered)) {
            panicked.get_or_insert(payload); // the first one counts
        }
        if let Ok(layout) = layout
            && layout.size() != 0
        {
            // SAFETY: allocated by `make` with this layout.
            unsafe { dealloc(c.buf.as_ptr().cast(), layout) };
        }
        // SAFETY: the block came from `take_block` and nobody uses it any more.
        unsafe { give_block(this.cast()) };
        if let Some(payload) = panicked {
            std::panic::resume_unwind(payload);
        }
    }

    /// How many values are buffered.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed) as usize // a snapshot; gives no happens-before edge, as in Go
    }

    /// How many fit.
    pub(super) fn cap(&self) -> usize {
        self.cap as usize
    }

    /// For a select, which takes the locks of several channels.
    #[inline(always)]
    pub(super) fn lock(&self) -> &ByteLock {
        &self.lock
    }

    /// The channel without the type of its elements, for a select: all but the values.
    #[inline(always)]
    pub(super) fn erased(&self) -> &Hchan<()> {
        // SAFETY: `repr(C)`, and the one field that knows T is a pointer, whatever it points at.
        unsafe { &*core::ptr::from_ref(self).cast::<Hchan<()>>() }
    }

    /// The way back from [`erased`](Self::erased).
    ///
    /// # Safety
    /// * It is a channel of `U`s.
    #[inline(always)]
    pub(super) unsafe fn typed<U>(&self) -> &Hchan<U> {
        // SAFETY: as in `erased`, and of this type by contract.
        unsafe { &*core::ptr::from_ref(self).cast::<Hchan<U>>() }
    }

    /// For a clock that fires.
    pub(super) fn lock_for_select(&self) {
        self.lock.lock();
    }

    /// As [`lock_for_select`](Self::lock_for_select): the caller holds the lock.
    pub(super) fn unlock_for_select(&self) {
        self.unlock();
    }

    /// Adds a waiter. Locked.
    ///
    /// # Safety
    /// * The sudog stays where it is until it is off the queue; its slot fits the direction.
    #[inline]
    pub(super) unsafe fn enqueue(&self, dir: Dir, sudog: &Sudog) {
        match dir {
            // SAFETY: locked, and the rest by contract.
            Dir::Send => unsafe { self.sendq.push(sudog) },
            Dir::Recv => {
                if self.is_clock() {
                    self.clock_waits();
                }
                // SAFETY: as above.
                unsafe { self.recvq.push(sudog) };
            }
        }
    }

    /// Adds a receiver, unless it need not wait: false. Takes the lock, and gives it back: from then on the receiver may have been
    /// woken, and have freed itself and the channel. (So there is no reference to either behind that.)
    ///
    /// # Safety
    /// * As [`enqueue`](Self::enqueue); both are alive.
    pub(super) unsafe fn enqueue_unless_ready(this: NonNull<Self>, sudog: NonNull<Sudog>) -> bool {
        let waits = {
            // SAFETY: alive by contract.
            let c = unsafe { this.as_ref() };
            c.lock.lock();
            // Relaxed: under the lock.
            let waits = c.len.load(Ordering::Relaxed) == 0
                && c.sendq.is_empty()
                && c.state.load(Ordering::Relaxed) == OPEN;
            if waits {
                // SAFETY: alive by contract.
                let sudog = unsafe { sudog.as_ref() };
                // SAFETY: locked, and the rest by contract.
                unsafe { c.enqueue(Dir::Recv, sudog) };
            }
            waits
        };
        // SAFETY: alive as long as we hold its lock.
        let lock = unsafe { &raw const (*this.as_ptr()).lock };
        // SAFETY: we hold it.
        unsafe { ByteLock::unlock(lock) };
        waits
    }

    /// Takes a waiter off, if it is still there. Locked.
    ///
    /// # Safety
    /// * It was enqueued here, for this direction.
    #[inline]
    pub(super) unsafe fn dequeue(&self, dir: Dir, sudog: &Sudog) {
        match dir {
            // SAFETY: locked, and the rest by contract.
            Dir::Send => unsafe { self.sendq.remove(sudog) },
            Dir::Recv => {
                // SAFETY: as above.
                unsafe { self.recvq.remove(sudog) };
                if let Some(clock) = self.clock()
                    && self.recvq.is_empty()
                {
                    // SAFETY: it lives as long as the channel.
                    unsafe { clock.as_ref() }.waits_end();
                }
            }
        }
    }

    /// Whether the operation would have had to wait at some moment during this call. Needs no lock; false is no answer.
    #[inline(always)]
    pub(super) fn seems_busy(&self, dir: Dir) -> bool {
        // The order of the loads matters: `close` empties the lists, so a channel that nobody waits on counts only if it is found
        // open later. Then it was open when it was found empty, or full, which in itself says that nobody waits (with a capacity
        // of zero both are always so, and the list decides).
        // Acquire: keeps the loads in order. That of a list pairs with the Release in `WaitQ`: who sees what `close` has left of
        // it sees that it is closed.
        match dir {
            Dir::Recv => {
                self.len.load(Ordering::Acquire) == 0
                    && self.sendq.is_empty()
                    && self.state.load(Ordering::Relaxed) == OPEN
            }
            Dir::Send => {
                self.len.load(Ordering::Acquire) >= self.cap
                    && self.recvq.is_empty()
                    && self.state.load(Ordering::Relaxed) == OPEN
            }
        }
    }

    /// As [`seems_busy`](Self::seems_busy), for a clock channel, whose answer costs a look at the clock.
    #[inline(always)]
    pub(super) fn seems_early(&self) -> bool {
        // SAFETY: the clock lives as long as the channel.
        self.clock().is_some_and(|clock| unsafe { clock.as_ref() }.seems_early())
    }

    /// Whether it belongs to a timer.
    pub(super) fn is_clock(&self) -> bool {
        self.clock().is_some()
    }

    /// The clock of a clock channel.
    #[inline(always)]
    fn clock(&self) -> Option<NonNull<Clock>> {
        // Relaxed: whether it is one never changes.
        (self.state.load(Ordering::Relaxed) == CLOCK).then(|| self.buf.cast())
    }

    fn unlock(&self) {
        // SAFETY: every caller in this file holds the lock.
        unsafe { ByteLock::unlock(&raw const self.lock) };
    }

    /// Adds a value at the end of the ring. Locked, and there is room.
    #[inline]
    fn put_buffered(&self, value: T) {
        let len = self.len.load(Ordering::Relaxed); // under the lock
        let at = self.wrap(u64::from(self.head.get()) + u64::from(len));
        // SAFETY: `at < cap`.
        let place = unsafe { self.buf.add(at as usize) };
        // SAFETY: the place is free because `len < cap`.
        unsafe { place.write(value) };
        self.len.store(len + 1, Ordering::Relaxed); // under the lock
    }

    /// Takes the oldest value of the ring. Locked, and there is one.
    #[inline]
    fn take_buffered(&self) -> T {
        let head = self.head.get();
        // SAFETY: `head < cap`.
        let place = unsafe { self.buf.add(head as usize) };
        // SAFETY: the place holds a value because `len > 0`.
        let value = unsafe { place.read() };
        self.head.set(self.wrap(u64::from(head) + 1));
        self.len.store(self.len.load(Ordering::Relaxed) - 1, Ordering::Relaxed); // under the lock
        value
    }

    /// Takes the oldest value of the ring and puts `value` behind the newest. Locked, and the ring is full: so that is the same
    /// place. `len` stays: whoever looks without the lock must not find a channel empty that never was.
    #[inline]
    fn exchange_oldest(&self, value: T) -> T {
        debug_assert_eq!(self.len.load(Ordering::Relaxed), self.cap, "a sender waits beside a free place"); // under the lock
        let head = self.head.get();
        // SAFETY: `head < cap`.
        let place = unsafe { self.buf.add(head as usize) };
        // SAFETY: the place holds a value because `len > 0`.
        let oldest = unsafe { place.replace(value) };
        self.head.set(self.wrap(u64::from(head) + 1));
        oldest
    }

    #[inline]
    fn wrap(&self, index: u64) -> u32 {
        let cap = u64::from(self.cap);
        (if index >= cap { index - cap } else { index }) as u32
    }

    /// Moves the value at `value` on, if that needs no wait; says who is to be woken once the lock is free. Locked, and
    /// stays so.
    ///
    /// # Safety
    /// * `value` points at a value, which is moved out on `Ready`, and stays otherwise.
    #[inline(always)]
    pub(super) unsafe fn send_now(&self, value: *const T) -> Now<Option<NonNull<Sudog>>> {
        if self.state.load(Ordering::Relaxed) == CLOSED {
            return Now::Closed; // Relaxed: under the lock
        }
        // SAFETY: we hold the lock, and the caller wakes whom we take.
        if let Some(sudog) = unsafe { self.recvq.pop() } {
            // SAFETY: the receiver waits until it is woken.
            let receiver = unsafe { sudog.as_ref() };
            // SAFETY: a waiting receiver's slot is free and fits a T; `value` holds one by contract.
            unsafe { receiver.elem::<T>().copy_from_nonoverlapping(value, 1) };
            receiver.set_success(true);
            return Now::Ready(Some(sudog));
        }
        if self.len.load(Ordering::Relaxed) < self.cap {
            // Relaxed above: under the lock.
            // SAFETY: a value by contract, moved out here.
            self.put_buffered(unsafe { value.read() });
            return Now::Ready(None);
        }
        Now::NotReady
    }

    /// The part of a send that needs no wait. The channel is locked, and stays so on `NotReady` only.
    #[inline(always)]
    fn send_locked(&self, value: T) -> Result<(), (Now<()>, T)> {
        let value = ManuallyDrop::new(value);
        // SAFETY: the value is there, and forgotten on `Ready`.
        match unsafe { self.send_now(&raw const *value) } {
            Now::Ready(receiver) => {
                self.unlock();
                if let Some(sudog) = receiver {
                    // SAFETY: popped under the lock.
                    unsafe { Sudog::wake(sudog) };
                }
                Ok(())
            }
            Now::NotReady => Err((Now::NotReady, ManuallyDrop::into_inner(value))),
            Now::Closed => {
                self.unlock();
                Err((Now::Closed, ManuallyDrop::into_inner(value)))
            }
        }
    }

    /// Sends; waits for a receiver or for room. The value comes back when the channel is, or gets, closed.
    #[inline(always)]
    pub(super) fn send(&self, value: T, at: &'static Location<'static>) -> Result<(), T> {
        self.lock.lock();
        match self.send_locked(value) {
            Ok(()) => Ok(()),
            Err((Now::NotReady, value)) => self.send_slow(value, at),
            Err((_, value)) => Err(value),
        }
    }

    /// Waits with the value on its own stack. Locked. Always inlined: see `G::switch`.
    #[inline(always)]
    fn send_slow(&self, value: T, at: &'static Location<'static>) -> Result<(), T> {
        let mut value = ManuallyDrop::new(value);
        let at_exit = DropAtExit(&raw mut value);
        // SAFETY: locked, and the value stays where it is.
        if unsafe { self.wait(Dir::Send, at_exit.0.cast(), at_exit, at) } {
            return Ok(()); // a receiver has moved the value out
        }
        Err(ManuallyDrop::into_inner(value)) // `close` has woken us, and it is still here
    }

    /// Waits in the queue of this direction: whether the wait ended with a value, and not because the channel was closed. Locked; the
    /// lock is given back. If the goroutine ends instead of waiting, `at_exit` is dropped. Always inlined: see `G::switch`.
    ///
    /// # Safety
    /// * `elem` fits the direction, and stays where it is until this returns.
    #[inline(always)]
    unsafe fn wait<E>(&self, dir: Dir, elem: *mut (), at_exit: E, at: &'static Location<'static>) -> bool {
        let (queue, reason) = match dir {
            Dir::Send => (&self.sendq, WaitReason::ChanSend),
            Dir::Recv => (&self.recvq, WaitReason::ChanReceive),
        };
        if dir == Dir::Recv && self.is_clock() {
            self.clock_waits_or_exit();
        }
        let mut sudog = MaybeUninit::uninit();
        let how = park::how_it_stops(reason);
        // SAFETY: we hold the lock, and both stay until the wait is over, below.
        let stopped = unsafe { wait::begin(queue, &self.lock, &mut sudog, elem, how, at) };
        core::mem::forget(at_exit);
        if let Some(stopped) = stopped {
            // SAFETY: from there, just now.
            unsafe { stopped.go() };
        }
        // SAFETY: `begin` has written it.
        unsafe { sudog.assume_init_ref() }.success()
    }

    /// As [`clock_waits`](Self::clock_waits), unless the caller should have ended already, and does so in here.
    #[cold]
    fn clock_waits_or_exit(&self) {
        if let Some(g) = g::current()
            && g.goexiting.get()
            && !std::thread::panicking()
        {
            self.unlock();
            park::goexit(g);
        }
        self.clock_waits();
    }

    /// Somebody is about to wait for the clock. Locked.
    #[cold]
    fn clock_waits(&self) {
        if let Some(clock) = self.clock()
            && self.recvq.is_empty()
        {
            Clock::waits_begin(clock);
        }
    }

    /// Sends if that needs no wait.
    #[inline]
    pub(super) fn try_send(&self, value: T) -> Result<(), (Now<()>, T)> {
        if self.seems_busy(Dir::Send) {
            return Err((Now::NotReady, value));
        }
        self.lock.lock();
        let result = self.send_locked(value);
        if let Err((Now::NotReady, _)) = result {
            self.unlock();
        }
        result
    }

    /// Takes the next value, if that needs no wait, and says who is to be woken once the lock is free. Locked, and stays so.
    #[inline(always)]
    pub(super) fn recv_now(&self) -> (Now<T>, Option<NonNull<Sudog>>) {
        if self.len.load(Ordering::Relaxed) > 0 {
            // Relaxed above: under the lock.
            // SAFETY: we hold the lock, and the caller wakes whom we take.
            let sender = unsafe { self.sendq.pop() };
            let value = match sender {
                Some(sudog) => self.exchange_oldest(Self::take_from_sender(sudog)),
                None => self.take_buffered(),
            };
            return (Now::Ready(value), sender);
        }
        // SAFETY: as above.
        if let Some(sudog) = unsafe { self.sendq.pop() } {
            return (Now::Ready(Self::take_from_sender(sudog)), Some(sudog));
        }
        // Relaxed: under the lock.
        let now = match self.state.load(Ordering::Relaxed) {
            OPEN => Now::NotReady,
            CLOSED => Now::Closed,
            _ => self.recv_from_clock(),
        };
        (now, None)
    }

    #[cold]
    fn recv_from_clock(&self) -> Now<T> {
        // SAFETY: the clock lives as long as the channel.
        let moment = self.clock().and_then(|clock| unsafe { clock.as_ref() }.take());
        match moment {
            // SAFETY: clock channels are made for one T: Instant.
            Some(moment) => Now::Ready(unsafe { core::mem::transmute_copy::<Instant, T>(&moment) }),
            None => Now::NotReady,
        }
    }

    /// The part of a receive that needs no wait. The channel is locked, and stays so on `NotReady` only.
    #[inline(always)]
    fn recv_locked(&self) -> Now<T> {
        let (now, sender) = self.recv_now();
        if !matches!(now, Now::NotReady) {
            self.unlock();
        }
        if let Some(sudog) = sender {
            // SAFETY: popped under the lock.
            unsafe { Sudog::wake_sender(sudog) };
        }
        now
    }

    /// Moves the value out of a waiting sender's slot. Locked; the sudog is off the queue and not yet woken.
    #[inline]
    fn take_from_sender(sudog: NonNull<Sudog>) -> T {
        // SAFETY: the sender waits until it is woken.
        let sender = unsafe { sudog.as_ref() };
        sender.set_success(true);
        // SAFETY: a waiting sender's slot holds its value, which is moved out once: the sudog is off the queue.
        unsafe { sender.elem::<T>().read() }
    }

    /// Receives; waits for a value. `None`: closed and drained.
    #[inline(always)]
    pub(super) fn recv(&self, at: &'static Location<'static>) -> Option<T> {
        self.lock.lock();
        match self.recv_locked() {
            Now::Ready(value) => Some(value),
            Now::Closed => None,
            Now::NotReady => self.recv_slow(at),
        }
    }

    /// Waits with a slot for the value on its own stack. Locked. Always inlined: see `G::switch`.
    #[inline(always)]
    fn recv_slow(&self, at: &'static Location<'static>) -> Option<T> {
        let mut slot = MaybeUninit::<T>::uninit();
        // SAFETY: locked, and the slot stays where it is.
        let success = unsafe { self.wait(Dir::Recv, slot.as_mut_ptr().cast(), (), at) };
        // SAFETY: success says that a sender has written the slot.
        success.then(|| unsafe { slot.assume_init() })
    }

    /// Receives if that needs no wait.
    #[inline]
    pub(super) fn try_recv(&self) -> Now<T> {
        if self.seems_busy(Dir::Recv) {
            return Now::NotReady;
        }
        self.lock.lock();
        let now = self.recv_locked();
        if let Now::NotReady = now {
            self.unlock();
        }
        now
    }

    /// Closes the channel and wakes everybody who waits. False: it is closed already.
    pub(super) fn close(&self) -> bool {
        self.lock.lock();
        if self.state.load(Ordering::Relaxed) != OPEN {
            // Relaxed: under the lock
            self.unlock();
            return false;
        }
        self.state.store(CLOSED, Ordering::Relaxed); // under the lock
        // SAFETY: we hold the lock.
        let receivers = unsafe { self.recvq.take_all() };
        // SAFETY: as above.
        let senders = unsafe { self.sendq.take_all() };
        self.unlock();
        // `success` is false, as `Sudog::new` made it.
        receivers.wake();
        senders.wake();
        true
    }
}

impl Hchan<Instant> {
    /// Makes a clock channel with one reference: due in `delay` nanoseconds, and after that, unless `period` is zero, every
    /// `period`.
    pub(super) fn make_clock(delay: u64, period: u64) -> NonNull<Hchan<Instant>> {
        let this = Self::place(CLOCK, 0, NonNull::dangling());
        let clock = Clock::make(this, clock::deadline(delay), period);
        // SAFETY: nobody else knows the channel yet.
        unsafe { (*this.as_ptr()).buf = clock.cast() };
        this
    }

    /// Sets a clock channel anew, or (`None`) stops it. Says whether it was set to a moment before. `None`: it is no clock
    /// channel.
    pub(super) fn set_clock(&self, delay: Option<u64>, period: u64) -> Option<bool> {
        let clock = self.clock()?;
        let when = delay.map_or(NEVER, clock::deadline);
        self.lock.lock();
        let (active, armed) = Clock::set(clock, when, period, !self.recvq.is_empty());
        self.unlock();
        if let Some(armed) = armed {
            armed.announce();
        }
        Some(active)
    }

    /// Takes a reference, unless the last one is gone.
    pub(super) fn retain_unless_gone(&self) -> bool {
        // Relaxed: as in `retain`; whoever gives up the last reference takes the heap's lock, which the caller holds.
        let one_more = |refs: u32| (refs != 0).then_some(refs + 1);
        self.refs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// The first who waits for the clock. Locked.
    pub(super) fn pop_receiver(&self) -> Option<NonNull<Sudog>> {
        // SAFETY: locked, and the caller wakes whom we take.
        unsafe { self.recvq.pop() }
    }

    /// Whether anybody waits for the clock. Locked.
    pub(super) fn has_receivers(&self) -> bool {
        !self.recvq.is_empty()
    }
}

#[inline(never)] // as it asks `here`
pub(super) fn take_block() -> NonNull<Block> {
    match here::m() {
        // SAFETY: we run on this M's thread, as its goroutine.
        Some(m) => unsafe { m.own() }.blocks.take(),
        None => block::take_shared(),
    }
}

/// # Safety
/// * The block came from [`take_block`] and nobody uses it any more.
#[inline(never)] // as it asks `here`
pub(super) unsafe fn give_block(block: NonNull<Block>) {
    match here::m() {
        Some(m) => {
            // SAFETY: we run on this M's thread, as its goroutine.
            let own = unsafe { m.own() };
            // SAFETY: by contract.
            unsafe { own.blocks.give(block) };
        }
        // SAFETY: by contract.
        None => unsafe { block::give_shared(block) },
    }
}

/// For operations on a nil channel, which wait for ever.
#[cold]
pub(super) fn wait_on_nil(reason: WaitReason, at: &'static Location<'static>) -> ! {
    if let Some(g) = g::current() {
        park::check_goexit(g);
    }
    Who::wait_for_ever(reason, at)
}
