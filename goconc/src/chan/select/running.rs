//! A select under way. Three passes:
//! 1. **try**: each case that looks ready, in random order, a channel under its own lock. What is ready is done, and that is
//!    all: any ready case may be taken, so nothing has to hold still. What does not look ready costs no lock. A select of one
//!    case ends here if it must not wait.
//! 2. **decide**: all locks are taken, in the order of their addresses, and every case is looked at again. Only so is
//!    "nothing is ready" true of one instant, which `default` needs, and only so can no channel become ready between the
//!    last look and the wait. Then one sudog a case goes into its list, and the goroutine parks; that gives the locks back.
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

use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;

use crate::chan::select::case::{Case, Look};
use crate::chan::select::waiters::PassOn;
use crate::chan::select::{DEFAULT, unreachable};
use crate::gmp::{WaitReason, g};
use crate::sys::clock;
use crate::sys::rand::Rng;
use crate::sys::spin::ByteLock;
use crate::wait::{Claim, Sudog, Who};

/// A select under way.
pub(super) struct Running<'a, 'c> {
    cases: &'a [Case<'c>],
    /// The cases that are not nil, by the addresses of their locks: the first `open` of these.
    places: &'a mut [MaybeUninit<Place<'c>>],
    open: usize,
    /// The one with the same index as in `places` belongs to that case.
    sudogs: &'a mut [MaybeUninit<Sudog>],
    random: bool,
    claim: Claim,
    who: Option<Who>,
}

/// A case in the order of the locks.
#[derive(Clone, Copy)]
pub(super) struct Place<'c> {
    lock: &'c ByteLock,
    case: u32,
}

impl Place<'_> {
    #[inline(always)]
    fn address(&self) -> usize {
        core::ptr::from_ref(self.lock).addr()
    }
}

/// So many are put in order one by one as they come.
const FEW_TO_SORT: usize = 16;

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
    pub(super) fn new(
        cases: &'a [Case<'c>],
        places: &'a mut [MaybeUninit<Place<'c>>],
        sudogs: &'a mut [MaybeUninit<Sudog>],
        random: bool,
    ) -> Self {
        Running { cases, places, open: 0, sudogs, random, claim: Claim::new(), who: None }
    }

    /// Always inlined, as everything that parks: see [`G::switch`](crate::gmp::G::switch).
    #[inline(always)]
    #[track_caller]
    pub(super) fn wait(mut self, at: &'static Location<'static>) -> usize {
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
    pub(super) fn look(&mut self) -> Option<usize> {
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
                _ if case.is_early() => None,
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
            let (mut ready, mut count) = (0_u64, 0);
            for (i, case) in cases.iter().enumerate() {
                let may = case.may_proceed();
                ready |= u64::from(may) << i;
                count += u32::from(may);
            }
            total += count;
            if ready == 0 {
                continue;
            }
            if !self.random {
                return Some(&cases[ready.trailing_zeros() as usize]);
            }
            let drawn = if total > 1 { random_below(total) } else { 0 };
            if drawn < count {
                (0..drawn).for_each(|_| ready &= ready - 1);
                picked = Some(&cases[ready.trailing_zeros() as usize]);
            }
        }
        picked
    }

    /// Finds the order of the locks.
    fn sort(&mut self) {
        self.open = 0;
        let few = self.cases.len() <= FEW_TO_SORT;
        for (case, lock) in self.cases.iter().enumerate().filter_map(|(i, case)| Some((i, case.lock()?))) {
            let place = Place { lock, case: case as u32 };
            let behind = |before: &Place<'_>| few && before.address() > place.address();
            let mut at = self.open;
            while at > 0 && behind(&self.order()[at - 1]) {
                self.places[at] = self.places[at - 1];
                at -= 1;
            }
            self.places[at].write(place);
            self.open += 1;
        }
        if !few {
            self.order_mut().sort_unstable_by_key(Place::address);
        }
    }

    /// The cases that are not nil, in the order of their locks.
    #[inline(always)]
    fn order(&self) -> &[Place<'c>] {
        // SAFETY: `sort` has written the first `open`.
        unsafe { self.places[..self.open].assume_init_ref() }
    }

    fn order_mut(&mut self) -> &mut [Place<'c>] {
        // SAFETY: as in `order`.
        unsafe { self.places[..self.open].assume_init_mut() }
    }

    /// The locks in their order, each of them once.
    #[inline(always)]
    fn locks(&self) -> impl Iterator<Item = &'c ByteLock> {
        let mut before = None;
        self.order().iter().map(|place| place.lock).filter(move |lock| {
            let repeated = before.replace(core::ptr::from_ref(*lock)) == Some(core::ptr::from_ref(*lock));
            !repeated
        })
    }

    fn lock(&self) {
        self.locks().for_each(ByteLock::lock);
    }

    /// Gives all locks back. The select may go on, and its frame be gone, as soon as the last one is free.
    fn unlock(&self) {
        // That is the last one in the order: it is read before.
        let mut locks = self.locks();
        let mut next = locks.next();
        while let Some(lock) = next {
            next = locks.next();
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
        for at in 0..self.open {
            let case = &self.cases[self.order()[at].case as usize];
            let sudog = self.sudogs[at].write(Sudog::of(NonNull::from(&self.claim), case.elem()));
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
        for (place, sudog) in self.order().iter().zip(&*self.sudogs) {
            let case = &self.cases[place.case as usize];
            // SAFETY: `enqueue` has written the sudogs of all cases in the order.
            let sudog = unsafe { sudog.assume_init_ref() };
            if winner == Some(NonNull::from(sudog)) {
                chosen = Some((case, sudog));
                continue;
            }
            place.lock.lock();
            // SAFETY: locked; `enqueue` has put it there.
            unsafe { case.dequeue(sudog) };
            // SAFETY: taken above.
            unsafe { ByteLock::unlock(place.lock) };
        }
        let Some((case, sudog)) = chosen else { unreachable() };
        if let Some(waiters) = case.waiters() {
            let pass_on = PassOn(waiters);
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

/// The last thing that the goroutine does before it stops, or the thread before it sleeps.
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
                unsafe { case.wake_peer(peer) };
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
pub(super) fn exit_now() {
    if let Some(g) = g::current() {
        crate::sched::park::check_goexit(g);
    }
}

/// A number below `n`, each as likely as any other.
#[inline]
pub(super) fn random_below(n: u32) -> u32 {
    match g::current() {
        Some(g) => g.m().rng.below(n),
        None => Rng::new(clock::ticks()).below(n),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::chan::hchan::Hchan;
    use crate::chan::select::slot::Slot;

    /// Selects that have the same channels must agree on the order of their locks, however many there are and in whichever order they are
    /// named.
    #[test]
    fn locks_come_in_one_order_and_once() {
        let channels: Vec<_> = (0..40).map(|_| Hchan::<u8>::make(0).expect("an unbuffered one")).collect();
        for n in [1, 2, 3, FEW_TO_SORT - 4, FEW_TO_SORT - 3, 40] {
            for shift in 0..n {
                // The first ones are there twice, and one is nil.
                let named = (0..n).chain(0..n.min(3)).map(|i| Some(channels[(i * 7 + shift) % n]));
                // SAFETY: alive until the end.
                let named = named.chain([None]).map(|c| c.map(|c| unsafe { c.as_ref() }));
                let named: Vec<_> = named.collect();
                let mut slots: Vec<_> = named.iter().map(|_| Slot::new()).collect();
                let cases: Vec<_> =
                    named.iter().zip(&mut slots).map(|(c, slot)| Case::receiving(*c, slot)).collect();
                let mut places = vec![MaybeUninit::uninit(); cases.len()];
                let mut select = Running::new(&cases, &mut places, &mut [], true);
                select.sort();
                assert!(select.order().is_sorted_by_key(Place::address));
                assert_eq!(select.order().len(), cases.len() - 1);
                let of_case = |place: &Place<'_>| cases[place.case as usize].lock().map(core::ptr::from_ref);
                assert!(
                    select.order().iter().all(|p| of_case(p) == Some(core::ptr::from_ref(p.lock))),
                    "a lock with another one's case"
                );
                let mut locks: Vec<_> = select.locks().map(core::ptr::from_ref).collect();
                locks.dedup();
                let mut distinct: Vec<_> =
                    named.iter().flatten().map(|c| core::ptr::from_ref(c.lock())).collect();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!((locks.len(), &locks), (select.locks().count(), &distinct));
            }
        }
        for channel in channels {
            // SAFETY: the only reference.
            unsafe { Hchan::release(channel) };
        }
    }
}
