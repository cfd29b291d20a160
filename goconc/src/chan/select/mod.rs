//! Select: one of several operations, whichever can proceed.
//!
//! | file | what |
//! |---|---|
//! | `case` | one case: a channel and an operation on it, or something else to wait for |
//! | `slot` | where its value is |
//! | `source` | what can be named in an arm |
//! | `waiters` | [`Waitable`](waiters::Waitable): what else than channels can be waited for |
//! | `dynamic` | [`Select`](dynamic::Select): cases that are not known when the program is written |
//!
//! This file has what `select!` expands to. Three passes:
//! 1. **try**: each case that looks ready, in random order, a channel under its own lock. What is ready is done, and that is
//!    all: any ready case may be taken, so nothing has to hold still. What does not look ready costs no lock. A select of one
//!    case ends here if it must not wait.
//! 2. **decide**: all locks are taken, in the order of their addresses, and every case is looked at again. Only so is
//!    "nothing is ready" true of one instant, which `default` needs, and only so can no channel become ready between the
//!    last look and the wait. Then one sudog a case goes into its list, and the goroutine parks; its M gives the locks back.
//! 3. **clean up**: whoever makes one of the cases proceed has claimed the select (`Claim`), so that nobody else does. The
//!    other sudogs are taken off their lists, each in constant time. A list that meets one of them before that drops it.
//!
//! A select never pairs with itself: while it looks, its own sudogs are in no list.
//!
//! The choice is uniform: of the cases that look ready one is drawn; if it is not, one of the others, and so on. Each that is
//! ready is drawn first as often as any other.
//!
//! A `Waitable` is asked without any lock, so in the second pass only its epoch is compared: see `waiters`. Who is woken by
//! one asks it, and begins again if somebody was quicker.

pub(super) mod case;
pub(super) mod dynamic;

mod slot;
mod source;
pub(super) mod waiters;

use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;

use crate::chan::select::case::Look;
use crate::gmp::{WaitReason, g};
use crate::sys::clock;
use crate::sys::rand::Rng;
use crate::sys::spin::ByteLock;
use crate::wait::{Claim, Sudog, Who};

pub use case::Case;
pub use slot::{ByClock, ByDefault, FromChannel, FromWaitable, Slot, Temporary, Zero};
pub use source::{Asked, Behind, Direct, Source, Target};

/// The result of a select with a default: nothing was ready.
pub const DEFAULT: usize = usize::MAX;

/// Up to this many cases have their sudogs on the stack.
const FEW: usize = 64;

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dir {
    Recv,
    Send,
}

/// A case that receives into `slot`.
#[inline(always)]
pub fn recv<'a, S, W, T, K>(source: &'a S, slot: &'a mut Slot<T, K>) -> Case<'a>
where
    S: Source<W, Item = T, Kind = K> + ?Sized,
{
    source.case(slot)
}

/// A case that sends `value`, which waits in `slot`.
#[inline(always)]
pub fn send<'a, C, T>(target: &'a C, slot: &'a mut Temporary<T>, value: T) -> Case<'a>
where
    C: Target<Item = T> + ?Sized,
{
    slot.put(value);
    target.case(slot)
}

/// As [`Case::when`], the condition first: it is evaluated first.
#[inline(always)]
pub fn when(guard: bool, case: Case<'_>) -> Case<'_> {
    case.when(guard)
}

/// `select! { v = <-source => .. }`
#[inline(always)]
#[track_caller]
pub fn recv_only<S, W, T, K>(source: &S) -> Slot<T, K>
where
    S: Source<W, Item = T, Kind = K> + ?Sized,
{
    source.receive()
}

/// `select! { target <- value => .. }`
#[inline(always)]
#[track_caller]
pub fn send_only<C: Target<Item = T> + ?Sized, T>(target: &C, value: T) {
    target.transmit(value);
}

/// `select! { v = <-source => .., default => .. }`
#[inline(always)]
pub fn try_recv_only<S, W, T, K>(source: &S) -> Option<Slot<T, K>>
where
    S: Source<W, Item = T, Kind = K> + ?Sized,
{
    source.try_receive()
}

/// `select! { target <- value => .., default => .. }`
#[inline(always)]
#[track_caller]
pub fn try_send_only<C: Target<Item = T> + ?Sized, T>(target: &C, value: T) -> bool {
    target.try_transmit(value)
}

/// Waits until one of the cases can proceed, and does it: at random among those that can. Returns its number.
#[inline(always)]
#[track_caller]
pub fn select<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    wait_for_one(cases, true, Location::caller())
}

/// As [`select`], in the order of the cases.
#[inline(always)]
#[track_caller]
pub fn select_biased<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    wait_for_one(cases, false, Location::caller())
}

/// As [`select`], but [`DEFAULT`] when no case can proceed.
#[inline(always)]
#[track_caller]
pub fn try_select<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    look_for_one(cases, true)
}

/// As [`try_select`], in the order of the cases.
#[inline(always)]
#[track_caller]
pub fn try_select_biased<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    look_for_one(cases, false)
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

/// Room for the sudogs of a select, and for the order of its locks.
type Room<const N: usize> = ([u32; N], [MaybeUninit<Sudog>; N]);

#[inline(always)]
#[track_caller]
fn wait_for_one<const N: usize>(
    cases: &mut [Case<'_>; N],
    random: bool,
    at: &'static Location<'static>,
) -> usize {
    if N > FEW {
        return wait_for_one_of_many(cases, random, at);
    }
    let (mut order, mut sudogs): Room<N> = ([0; N], [const { MaybeUninit::uninit() }; N]);
    Running::new(cases, &mut order, &mut sudogs, random).wait(at)
}

#[inline(never)]
#[track_caller]
fn wait_for_one_of_many(cases: &mut [Case<'_>], random: bool, at: &'static Location<'static>) -> usize {
    let mut order = vec![0; cases.len()];
    let mut sudogs = Vec::new();
    sudogs.resize_with(cases.len(), MaybeUninit::uninit);
    Running::new(cases, &mut order, &mut sudogs, random).wait(at)
}

#[inline(always)]
#[track_caller]
fn look_for_one<const N: usize>(cases: &mut [Case<'_>; N], random: bool) -> usize {
    if N > FEW {
        return look_for_one_of_many(cases, random);
    }
    let mut order = [0; N];
    Running::new(cases, &mut order, &mut [], random).look().unwrap_or(DEFAULT)
}

#[inline(never)]
#[track_caller]
fn look_for_one_of_many(cases: &mut [Case<'_>], random: bool) -> usize {
    let mut order = vec![0; cases.len()];
    Running::new(cases, &mut order, &mut [], random).look().unwrap_or(DEFAULT)
}

/// A select under way.
struct Running<'a, 'c> {
    cases: &'a [Case<'c>],
    /// The cases that are not nil, by the addresses of their locks: `order[..open]`.
    order: &'a mut [u32],
    open: usize,
    /// The one at the same place as in `order` belongs to that case.
    sudogs: &'a mut [MaybeUninit<Sudog>],
    random: bool,
    claim: Claim,
    who: Option<Who>,
}

/// What the second pass has found.
enum Decision {
    Chosen(usize),
    /// Nothing is ready; all locks are held.
    Nothing,
    /// A waitable may have become available meanwhile.
    Again,
}

impl<'a, 'c> Running<'a, 'c> {
    #[inline(always)]
    fn new(
        cases: &'a [Case<'c>],
        order: &'a mut [u32],
        sudogs: &'a mut [MaybeUninit<Sudog>],
        random: bool,
    ) -> Self {
        Running { cases, order, open: 0, sudogs, random, claim: Claim::new(), who: None }
    }

    /// Always inlined, as everything that parks: see [`G::switch`](crate::gmp::G::switch).
    #[inline(always)]
    #[track_caller]
    fn wait(mut self, at: &'static Location<'static>) -> usize {
        loop {
            if let Some(chosen) = self.begin(at) {
                return chosen;
            }
            if let Some(who) = &self.who {
                who.wait_with(unlock_all, (&raw const self) as usize, WaitReason::Select, at);
            }
            if let Some(chosen) = self.clean_up() {
                return chosen;
            }
        }
    }

    /// Up to the wait. `None`: all sudogs are in their lists, and all locks are held.
    #[inline(never)]
    #[track_caller]
    fn begin(&mut self, at: &'static Location<'static>) -> Option<usize> {
        loop {
            if let Some(chosen) = self.try_each() {
                return Some(chosen);
            }
            self.sort();
            if self.open == 0 {
                Who::wait_for_ever(WaitReason::Select, at);
            }
            match self.decide() {
                Decision::Chosen(chosen) => return Some(chosen),
                Decision::Nothing => break,
                Decision::Again => self.recall(false),
            }
        }
        self.enqueue();
        None
    }

    /// Without a wait. `None`: at one instant, nothing was ready.
    #[inline(never)]
    #[track_caller]
    fn look(&mut self) -> Option<usize> {
        loop {
            if let Some(chosen) = self.try_each() {
                return Some(chosen);
            }
            self.sort();
            if self.open < 2 {
                return None;
            }
            match self.decide() {
                Decision::Chosen(chosen) => return Some(chosen),
                Decision::Nothing => {
                    self.unlock();
                    return None;
                }
                Decision::Again => self.recall(false),
            }
        }
    }

    /// The first pass.
    #[inline(always)]
    #[track_caller]
    fn try_each(&self) -> Option<usize> {
        while let Some(case) = self.pick() {
            let chosen = match case.lock() {
                Some(lock) if !case.is_waitable() => {
                    lock.lock();
                    let look = case.look();
                    // SAFETY: taken above.
                    unsafe { ByteLock::unlock(lock) };
                    finish(case, look)
                }
                _ => case.ask().then(|| case.number()),
            };
            if chosen.is_some() {
                return chosen;
            }
            case.dismiss();
        }
        None
    }

    /// The second pass.
    #[track_caller]
    fn decide(&self) -> Decision {
        self.recall(true);
        self.lock();
        while let Some(case) = self.pick() {
            let look = case.look();
            if !matches!(look, Look::NotReady) {
                self.unlock();
                return Decision::Chosen(finish(case, look).unwrap_or(DEFAULT));
            }
            case.dismiss();
        }
        if self.cases.iter().any(Case::is_outdated) {
            self.unlock();
            return Decision::Again;
        }
        Decision::Nothing
    }

    /// For another pass, with locks or without.
    fn recall(&self, locked: bool) {
        self.cases.iter().for_each(|case| case.recall(locked));
    }

    /// Draws one of the cases that are worth trying. Uniform whatever their number: a word of them at a time, each word as
    /// likely as it has cases, and then each case of it.
    #[inline(always)]
    fn pick(&self) -> Option<&'a Case<'c>> {
        let mut picked = None;
        let mut total = 0;
        for cases in self.cases.chunks(u64::BITS as usize) {
            let mut ready = 0_u64;
            for (i, case) in cases.iter().enumerate() {
                ready |= u64::from(case.may_proceed()) << i;
            }
            total += ready.count_ones();
            if ready == 0 {
                continue;
            }
            if !self.random {
                return Some(&cases[ready.trailing_zeros() as usize]);
            }
            let drawn = if total > 1 { random_below(total) } else { 0 };
            if drawn < ready.count_ones() {
                (0..drawn).for_each(|_| ready &= ready - 1);
                picked = Some(&cases[ready.trailing_zeros() as usize]);
            }
        }
        picked
    }

    /// Finds the order of the locks.
    fn sort(&mut self) {
        self.open = 0;
        for (index, case) in self.cases.iter().enumerate() {
            if case.lock().is_some() {
                self.order[self.open] = index as u32;
                self.open += 1;
            }
        }
        let address = |index: &u32| self.cases[*index as usize].lock().map(core::ptr::from_ref);
        self.order[..self.open].sort_unstable_by_key(address);
    }

    /// The case at this place of the order.
    #[inline(always)]
    fn at(&self, place: usize) -> &'a Case<'c> {
        &self.cases[self.order[place] as usize]
    }

    /// The lock of the case at this place of the order, unless the one before it has the same.
    #[inline(always)]
    fn lock_at(&self, place: usize) -> Option<&'c ByteLock> {
        let lock = self.at(place).lock()?;
        let repeated =
            place > 0 && self.at(place - 1).lock().is_some_and(|before| core::ptr::eq(before, lock));
        (!repeated).then_some(lock)
    }

    fn lock(&self) {
        (0..self.open).filter_map(|place| self.lock_at(place)).for_each(ByteLock::lock);
    }

    /// Gives all locks back. The select may go on, and its frame be gone, as soon as the last one is free.
    fn unlock(&self) {
        for lock in (0..self.open).rev().filter_map(|place| self.lock_at(place)) {
            // SAFETY: taken by `lock`.
            unsafe { ByteLock::unlock(lock) };
        }
    }

    /// Puts one sudog a case into its list. Locked.
    fn enqueue(&mut self) {
        let who = Who::current();
        if who.must_exit() {
            self.unlock();
            exit_now();
        }
        self.claim = Claim::new();
        // The note of a thread has its place from here on.
        self.claim.set_waiter(self.who.insert(who));
        self.claim.open();
        for place in 0..self.open {
            let case = self.at(place);
            let sudog = self.sudogs[place].write(Sudog::of(NonNull::from(&self.claim), case.elem()));
            // SAFETY: locked; `clean_up` takes it off before this frame ends; the slot is the case's.
            unsafe { case.enqueue(sudog) };
        }
    }

    /// Takes the losers off their lists and says who won. `None`: a waitable that has nothing any more.
    ///
    /// Every lock is taken, also of a list that has dropped its sudog already: whoever gives back the locks for us, and
    /// whoever has dropped the sudog, still uses our frame until it gives that lock back.
    #[inline(never)]
    #[track_caller]
    fn clean_up(&self) -> Option<usize> {
        let winner = self.claim.winner();
        let mut chosen = None;
        for place in 0..self.open {
            let case = self.at(place);
            // SAFETY: `enqueue` has written the sudogs of all cases in the order.
            let sudog = unsafe { self.sudogs[place].assume_init_ref() };
            if winner == Some(NonNull::from(sudog)) {
                chosen = Some((case, sudog));
                continue;
            }
            let Some(lock) = case.lock() else { continue };
            lock.lock();
            // SAFETY: locked; `enqueue` has put it there.
            unsafe { case.dequeue(sudog) };
            // SAFETY: taken above.
            unsafe { ByteLock::unlock(lock) };
        }
        let Some((case, sudog)) = chosen else { unreachable() };
        if let Some(waiters) = case.waiters() {
            let pass_on = waiters::PassOn(waiters);
            let chosen = case.ask().then(|| case.number());
            core::mem::forget(pass_on); // `ask` has not panicked
            self.recall(false);
            return chosen;
        }
        if !case.finish(sudog.success()) {
            panic!("send on closed channel");
        }
        Some(case.number())
    }
}

/// For the M, once the goroutine has left its stack.
fn unlock_all(running: usize) {
    // SAFETY: the address of the select, whose frame stays until it is woken and has taken each lock once more.
    let running = unsafe { &*(running as *const Running<'_, '_>) };
    running.unlock();
}

/// After a look, without any lock: wakes whom it has served. `None`: the case is not ready.
#[inline(always)]
#[track_caller]
fn finish(case: &Case<'_>, look: Look) -> Option<usize> {
    let moved = match look {
        Look::NotReady => return None,
        Look::Done(peer) => {
            if let Some(peer) = peer {
                // SAFETY: `look` has popped it under the channel's lock.
                unsafe { Sudog::wake(peer) };
            }
            true
        }
        Look::Closed => false,
    };
    if !case.finish(moved) {
        panic!("send on closed channel");
    }
    Some(case.number())
}

/// A goroutine that should have ended already ends here.
#[cold]
fn exit_now() {
    if let Some(g) = g::current() {
        crate::sched::park::check_goexit(g);
    }
}

/// A number below `n`, each as likely as any other.
#[inline]
fn random_below(n: u32) -> u32 {
    match g::current() {
        Some(g) => g.m().rng.below(n),
        None => Rng::new(clock::ticks()).below(n),
    }
}
