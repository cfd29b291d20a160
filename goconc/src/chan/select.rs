//! Select: one of several channel operations, whichever can proceed.
//!
//! Three passes:
//! 1. **look**: in random order, each channel under its own lock. What is ready is done, and that is all: any ready case may
//!    be taken, so nothing has to hold still. A select of one channel ends here if it must not wait.
//! 2. **decide**: all locks are taken, in the order of the channels' addresses, and every case is looked at again. Only so
//!    is "nothing is ready" true of one instant, which `default` needs, and only so can no channel become ready between the
//!    last look and the wait. Then one sudog a case goes into its channel's list, and the goroutine parks; its M gives the
//!    locks back.
//! 3. **clean up**: whoever makes one of the cases proceed has claimed the select (`Claim`), so that nobody else does. The
//!    other sudogs are taken off their lists, each in constant time. A list that meets one of them before that drops it.
//!
//! A select never pairs with itself: while it looks, its own sudogs are in no list.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;

use crate::chan::hchan::{Hchan, Now};
use crate::chan::{Chan, Recv, Send};
use crate::gmp::{WaitReason, g};
use crate::sys::clock;
use crate::sys::rand::Rng;
use crate::wait::{Claim, Sudog, Who};

/// The result of a select with a default: nothing was ready.
pub const DEFAULT: usize = usize::MAX;

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dir {
    Recv,
    Send,
}

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

/// A channel of any type, as a select sees it.
pub(super) trait Channel {
    /// Takes the lock.
    fn lock(&self);
    /// Gives it back; the caller holds it.
    fn unlock(&self);
    /// Does the operation if it can be done now. Locked, and stays so.
    ///
    /// # Safety
    /// * `elem` is a free slot (receive) or holds a value (send) of the channel's type; on `Done` it is the other way round.
    unsafe fn look(&self, dir: Dir, elem: *mut ()) -> Look;
    /// Adds a waiter. Locked.
    ///
    /// # Safety
    /// * The sudog stays where it is until it is off the list, and its slot is as in [`look`](Self::look).
    unsafe fn enqueue(&self, dir: Dir, sudog: &Sudog);
    /// Takes a waiter off, if it is still there. Locked.
    ///
    /// # Safety
    /// * It was enqueued here, for this direction.
    unsafe fn dequeue(&self, dir: Dir, sudog: &Sudog);
}

/// The place of one case's value: where a receive puts it, where a send takes it from.
pub struct Slot<T> {
    value: MaybeUninit<T>,
    full: Cell<bool>,
}

impl<T> Slot<T> {
    /// An empty one.
    #[inline]
    pub const fn new() -> Self {
        Slot { value: MaybeUninit::uninit(), full: Cell::new(false) }
    }

    fn put(&mut self, value: T) {
        self.value.write(value);
        self.full.set(true);
    }

    /// What was received; `None`: the channel is closed and drained.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        // SAFETY: `full` says that there is a value, and it is read once.
        self.full.replace(false).then(|| unsafe { self.value.assume_init_read() })
    }

    /// As [`take`](Self::take), with the zero value for none: `v := <-ch`.
    #[inline]
    pub fn take_or_default(&mut self) -> T
    where
        T: Default,
    {
        self.take().unwrap_or_default()
    }

    /// As Go's `v, ok := <-ch`.
    #[inline]
    pub fn take_ok(&mut self) -> (T, bool)
    where
        T: Default,
    {
        let value = self.take();
        let ok = value.is_some();
        (value.unwrap_or_default(), ok)
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        drop(self.take()); // a value that was not sent
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot::new()
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("full", &self.full.get()).finish()
    }
}

/// What can be received from in a select.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from",
    note = "a receive arm `v = <-ch` takes a `Chan<T>` or a `Recv<T>`; a `Send<T>` only sends: `ch <- value`"
)]
pub trait AsRecv {
    /// What comes out.
    type Item;
    /// The channel's receiving side.
    fn as_recv(&self) -> &Recv<Self::Item>;
}

/// What can be sent to in a select.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to",
    note = "a send arm `ch <- value` takes a `Chan<T>` or a `chan::Send<T>`; a `Recv<T>` only receives: `v = <-ch`"
)]
pub trait AsSend {
    /// What goes in.
    type Item;
    /// A case that sends what `slot` holds.
    #[doc(hidden)]
    fn case<'a>(&'a self, slot: &'a mut Slot<Self::Item>) -> Case<'a>;
}

impl<T> AsRecv for Recv<T> {
    type Item = T;
    fn as_recv(&self) -> &Recv<T> {
        self
    }
}

impl<T> AsRecv for Chan<T> {
    type Item = T;
    fn as_recv(&self) -> &Recv<T> {
        self.receiving()
    }
}

impl<C: AsRecv + ?Sized> AsRecv for &C {
    type Item = C::Item;
    fn as_recv(&self) -> &Recv<Self::Item> {
        (**self).as_recv()
    }
}

impl<T> AsSend for Send<T> {
    type Item = T;
    fn case<'a>(&'a self, slot: &'a mut Slot<T>) -> Case<'a> {
        Case::new(self.hchan(), Dir::Send, slot)
    }
}

impl<T> AsSend for Chan<T> {
    type Item = T;
    fn case<'a>(&'a self, slot: &'a mut Slot<T>) -> Case<'a> {
        Case::new(self.receiving().hchan(), Dir::Send, slot)
    }
}

impl<C: AsSend + ?Sized> AsSend for &C {
    type Item = C::Item;
    fn case<'a>(&'a self, slot: &'a mut Slot<Self::Item>) -> Case<'a> {
        (**self).case(slot)
    }
}

/// One case of a select.
pub struct Case<'a> {
    /// `None`: a nil channel, or a guard that is false. Never ready.
    channel: Option<&'a dyn Channel>,
    dir: Dir,
    elem: *mut (),
    full: &'a Cell<bool>,
    id: usize,
    sudog: MaybeUninit<Sudog>,
    slot: PhantomData<&'a mut ()>,
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("id", &self.id).field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// A case that receives into `slot`.
#[inline]
pub fn recv<'a, C: AsRecv + ?Sized>(channel: &'a C, slot: &'a mut Slot<C::Item>) -> Case<'a> {
    Case::new(channel.as_recv().hchan(), Dir::Recv, slot)
}

/// A case that sends `value`, which waits in `slot`.
#[inline]
pub fn send<'a, C: AsSend + ?Sized>(channel: &'a C, slot: &'a mut Slot<C::Item>, value: C::Item) -> Case<'a> {
    slot.put(value);
    channel.case(slot)
}

/// As [`Case::when`], the condition first: it is evaluated first.
#[inline]
pub fn when(guard: bool, case: Case<'_>) -> Case<'_> {
    case.when(guard)
}

impl<'a> Case<'a> {
    #[inline]
    fn new<T>(channel: Option<&'a Hchan<T>>, dir: Dir, slot: &'a mut Slot<T>) -> Self {
        Case {
            channel: channel.map(|channel| channel as &dyn Channel),
            dir,
            elem: slot.value.as_mut_ptr().cast(),
            full: &slot.full,
            id: 0,
            sudog: MaybeUninit::uninit(),
            slot: PhantomData,
        }
    }

    /// With this number as the result when it is chosen.
    #[inline]
    #[must_use]
    pub fn id(mut self, id: usize) -> Self {
        self.id = id;
        self
    }

    /// Never ready unless `guard`.
    #[inline]
    #[must_use]
    pub fn when(mut self, guard: bool) -> Self {
        if !guard {
            self.channel = None;
        }
        self
    }

    fn address(&self) -> usize {
        self.channel.map_or(0, |channel| core::ptr::from_ref(channel).cast::<()>() as usize)
    }

    /// Looks at this case; its channel is locked.
    fn look(&self, channel: &dyn Channel) -> Look {
        // SAFETY: `elem` is the slot that the case was made with, of the channel's type; `full` is as `dir` says until the case
        // is done, which ends the select.
        unsafe { channel.look(self.dir, self.elem) }
    }

    /// The value has moved.
    fn moved(&self) {
        self.full.set(self.dir == Dir::Recv);
    }
}

/// What a select does when nothing is ready, and in which order it looks.
#[derive(Clone, Copy, Debug)]
struct Mode {
    wait: bool,
    random: bool,
}

/// Waits until one of the cases can proceed, and does it: at random among those that can. Returns its number.
#[inline]
#[track_caller]
pub fn select(cases: &mut [Case<'_>]) -> usize {
    run(cases, Mode { wait: true, random: true }, Location::caller())
}

/// As [`select`], in the order of the cases.
#[inline]
#[track_caller]
pub fn select_biased(cases: &mut [Case<'_>]) -> usize {
    run(cases, Mode { wait: true, random: false }, Location::caller())
}

/// As [`select`], but [`DEFAULT`] when no case can proceed.
#[inline]
#[track_caller]
pub fn try_select(cases: &mut [Case<'_>]) -> usize {
    run(cases, Mode { wait: false, random: true }, Location::caller())
}

/// As [`try_select`], in the order of the cases.
#[inline]
#[track_caller]
pub fn try_select_biased(cases: &mut [Case<'_>]) -> usize {
    run(cases, Mode { wait: false, random: false }, Location::caller())
}

/// `select! {}`
#[track_caller]
pub fn block_for_ever() -> ! {
    Who::wait_for_ever(WaitReason::SelectNoCases, Location::caller())
}

/// For the arm of the match that no select returns.
#[cold]
pub fn unreachable() -> ! {
    crate::sys::throw::throw("select: chose a case that is not there")
}

#[track_caller]
fn run(cases: &mut [Case<'_>], mode: Mode, at: &'static Location<'static>) -> usize {
    let mut indices = Indices::new(cases.len());
    let order = indices.as_mut();
    let mut open = 0;
    for (index, case) in cases.iter().enumerate() {
        if case.channel.is_some() {
            order[open] = index as u32;
            open += 1;
        }
    }
    let order = &mut order[..open];
    if mode.random {
        shuffle(order);
    }
    for &index in order.iter() {
        if let Some(done) = look_at_one(&cases[index as usize]) {
            return done;
        }
    }
    match (open, mode.wait) {
        (0 | 1, false) => DEFAULT,
        (0, true) => Who::wait_for_ever(WaitReason::Select, at),
        _ => decide(cases, order, mode, at),
    }
}

/// Looks at one case under its own lock, and does it if it can be done.
#[track_caller]
fn look_at_one(case: &Case<'_>) -> Option<usize> {
    let channel = case.channel?;
    channel.lock();
    let look = case.look(channel);
    channel.unlock();
    finish(case, look)
}

/// After a look, without any lock: wakes whom it has served. `None`: the case is not ready.
#[track_caller]
fn finish(case: &Case<'_>, look: Look) -> Option<usize> {
    match look {
        Look::NotReady => return None,
        Look::Done(peer) => {
            case.moved();
            if let Some(peer) = peer {
                // SAFETY: `look` has popped it under the channel's lock.
                unsafe { Sudog::wake(peer) };
            }
        }
        Look::Closed if case.dir == Dir::Send => panic!("send on closed channel"),
        Look::Closed => {}
    }
    Some(case.id)
}

/// The locks of a select, in the order in which they are taken: by address, each channel once.
struct Locks<'a, 'c> {
    cases: &'a [Case<'c>],
    sorted: &'a [u32],
}

impl Locks<'_, '_> {
    /// Whether the case at this place of the order has the same channel as the one before it.
    fn repeated(&self, place: usize) -> bool {
        place > 0 && self.address(place) == self.address(place - 1)
    }

    fn address(&self, place: usize) -> usize {
        self.cases[self.sorted[place] as usize].address()
    }

    fn lock(&self) {
        for place in (0..self.sorted.len()).filter(|&place| !self.repeated(place)) {
            if let Some(channel) = self.cases[self.sorted[place] as usize].channel {
                channel.lock();
            }
        }
    }

    /// Gives all locks back. The select may go on, and its frame be gone, as soon as the last one is free.
    fn unlock(&self) {
        for place in (0..self.sorted.len()).rev() {
            if self.repeated(place) {
                continue;
            }
            if let Some(channel) = self.cases[self.sorted[place] as usize].channel {
                channel.unlock();
            }
        }
    }
}

/// For the M, once the goroutine has left its stack.
fn unlock_all(locks: usize) {
    // SAFETY: the address of the select's `Locks`, whose frame stays until it is woken, which needs one of the locks.
    let locks = unsafe { &*(locks as *const Locks<'_, '_>) };
    locks.unlock();
}

/// Looks at all cases in one instant; then takes the default, or waits.
#[track_caller]
fn decide(cases: &mut [Case<'_>], order: &[u32], mode: Mode, at: &'static Location<'static>) -> usize {
    let mut indices = Indices::new(order.len());
    let sorted = indices.as_mut();
    sorted.copy_from_slice(order);
    sorted.sort_unstable_by_key(|&index| cases[index as usize].address());
    let who = Who::current();
    let claim = Claim::new();
    for &index in order {
        let sudog = Sudog::new(&who, cases[index as usize].elem);
        sudog.share(&claim);
        cases[index as usize].sudog.write(sudog);
    }
    let cases = &*cases;
    let locks = Locks { cases, sorted };
    locks.lock();
    for &index in order {
        let case = &cases[index as usize];
        let look = case.channel.map_or(Look::NotReady, |channel| case.look(channel));
        if !matches!(look, Look::NotReady) {
            locks.unlock();
            return finish(case, look).unwrap_or(DEFAULT);
        }
    }
    if !mode.wait || who.must_exit() {
        locks.unlock();
        exit_if_due();
        return DEFAULT;
    }
    for &index in order {
        let case = &cases[index as usize];
        if let Some(channel) = case.channel {
            // SAFETY: written above.
            let sudog = unsafe { case.sudog.assume_init_ref() };
            // SAFETY: locked; `clean_up` takes it off before this frame ends; the slot is the case's.
            unsafe { channel.enqueue(case.dir, sudog) };
        }
    }
    who.wait_with(unlock_all, (&raw const locks) as usize, WaitReason::Select, at);
    clean_up(cases, order, &claim)
}

fn exit_if_due() {
    if let Some(g) = g::current() {
        crate::sched::park::check_goexit(g);
    }
}

/// Takes the losers off their lists and says who won.
#[track_caller]
fn clean_up(cases: &[Case<'_>], order: &[u32], claim: &Claim) -> usize {
    let winner = claim.winner();
    let mut chosen = None;
    for &index in order {
        let case = &cases[index as usize];
        let Some(channel) = case.channel else { continue };
        // SAFETY: `decide` has written the sudogs of all cases in the order.
        let sudog = unsafe { case.sudog.assume_init_ref() };
        if winner == Some(NonNull::from(sudog)) {
            chosen = Some((case, sudog));
            continue;
        }
        channel.lock();
        // SAFETY: locked; `decide` has enqueued it there.
        unsafe { channel.dequeue(case.dir, sudog) };
        channel.unlock();
    }
    let Some((case, sudog)) = chosen else { unreachable() };
    if sudog.success() {
        case.moved();
    } else if case.dir == Dir::Send {
        panic!("send on closed channel");
    }
    case.id
}

/// Indices of cases: on the stack for as many as people write.
enum Indices {
    Few([u32; Indices::FEW], usize),
    Many(Vec<u32>),
}

impl Indices {
    const FEW: usize = 16;

    fn new(len: usize) -> Self {
        if len <= Self::FEW { Indices::Few([0; Self::FEW], len) } else { Indices::Many(vec![0; len]) }
    }

    fn as_mut(&mut self) -> &mut [u32] {
        match self {
            Indices::Few(array, len) => &mut array[..*len],
            Indices::Many(vec) => vec,
        }
    }
}

/// Brings the indices into a random order, each order as likely as any other.
fn shuffle(order: &mut [u32]) {
    let by = |rng: &Rng, order: &mut [u32]| {
        for i in (1..order.len()).rev() {
            order.swap(i, rng.below(i as u32 + 1) as usize);
        }
    };
    match g::current() {
        Some(g) => by(&g.m().rng, order),
        None => by(&Rng::new(clock::ticks()), order),
    }
}

impl<T> Channel for Hchan<T> {
    fn lock(&self) {
        self.lock_for_select();
    }

    fn unlock(&self) {
        self.unlock_for_select();
    }

    unsafe fn look(&self, dir: Dir, elem: *mut ()) -> Look {
        let elem = elem.cast::<T>();
        match dir {
            Dir::Recv => {
                let (now, peer) = self.recv_now();
                match now {
                    Now::Ready(value) => {
                        // SAFETY: a free slot by contract.
                        unsafe { elem.write(value) };
                        Look::Done(peer)
                    }
                    Now::NotReady => Look::NotReady,
                    Now::Closed => Look::Closed,
                }
            }
            // SAFETY: the slot holds a value by contract; it is moved out on `Ready` only.
            Dir::Send => match unsafe { self.send_now(elem) } {
                Now::Ready(peer) => Look::Done(peer),
                Now::NotReady => Look::NotReady,
                Now::Closed => Look::Closed,
            },
        }
    }

    unsafe fn enqueue(&self, dir: Dir, sudog: &Sudog) {
        // SAFETY: by contract.
        unsafe { Hchan::enqueue(self, dir, sudog) };
    }

    unsafe fn dequeue(&self, dir: Dir, sudog: &Sudog) {
        // SAFETY: by contract.
        unsafe { Hchan::dequeue(self, dir, sudog) };
    }
}
