//! The next goroutine for an M.
//!
//! Order: every second pick the newest unstarted one (else a ping-pong pair starves its siblings, they age, are stolen, and
//! the group is torn apart for good); the one made runnable last; the queue at home; unstarted ones; the inbox; what we had
//! published. Then the global queue, timers, other Ps' surplus while spinning, timers that are due at any moment, and sleep. Every 61st pick looks first at
//! what that order would starve.

use crate::gmp::{Chain, G, Kind, M, P, Record, Runnable, m, p};
use crate::migration;
use crate::queue::fresh::KEEP;
use crate::sched::counts::Counts;
use crate::sched::{global_is_empty, global_take, gomaxprocs};
use crate::sched::{idle, stop, timers};
use crate::stack::Class;
use crate::sys::clock;
use crate::timer::NEVER;

use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::collections::VecDeque;

/// Picks between two looks at the global queue and everything else that is rarely urgent. Go's number: a prime, so that it
/// does not beat with a program's own rhythm.
const RARELY: u32 = 61;
/// How long an M may use a P that another M waits for.
const SLICE_US: u64 = 10_000;
/// How long unstarted goroutines that were kept may wait while others are idle.
const AGE_US: u64 = 50;
/// So many started goroutines are published at once at most: to link and unlink them touches each of their stacks.
pub(super) const SHARED_AT_ONCE: usize = 256;
/// How long surplus is reserved for others before its owner, busy with other things, takes a chain of it back.
const RESERVED_US: u64 = 1_000;
/// The longest run of neighbours that is kept or given away in one piece.
const LONGEST_RUN: usize = 32;
/// A queue so long has left the cache before its end is reached.
const MANY: usize = 1024;
/// How far ahead of their turn headers and stacks are fetched from memory.
const HEADERS_AHEAD: usize = 8;
const STACKS_AHEAD: usize = 4;
/// A timer that is due sooner is waited for awake: to fall asleep and to wake up takes about as long.
const SOON_NS: u64 = 20_000;
/// But only by an M that has run a timer so short a while ago: others leave that to it.
const RAN_TIMERS_US: u64 = 200;

/// What a pick has given.
enum Pick {
    /// This one runs.
    Run(Runnable),
    /// Nothing of our own.
    Nothing,
    /// The P has changed hands, perhaps come back: look from the start.
    Again,
}

impl M {
    /// The next goroutine to run; sleeps until there is one. The M is in the runtime, on its own stack.
    #[inline]
    pub(crate) fn find_runnable(&'static self) -> Runnable {
        let mut woken = false;
        loop {
            let Some(p) = self.p() else {
                self.find_a_p();
                woken = true;
                continue;
            };
            let found = match self.pick(p) {
                Pick::Run(runnable) => Some(runnable),
                Pick::Nothing => self.search(p),
                Pick::Again => continue,
            };
            match found {
                Some(runnable) => {
                    stop::stop_spinning(self);
                    if woken {
                        timers::before_running_again();
                    }
                    return runnable;
                }
                None => {
                    stop::stop_m(self, p);
                    woken = true;
                }
            }
        }
    }

    /// sysmon has taken our P, or we have given it up.
    #[cold]
    fn find_a_p(&'static self) {
        if self.has_started_work() { stop::wait_for_p(self) } else { stop::stop_m_without_p(self) }
    }

    pub(super) fn has_started_work(&'static self) -> bool {
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        self.runnext.get().is_some() || !home.is_empty() || !self.inbox.is_empty()
    }

    /// The next one without looking at others.
    #[inline]
    fn pick(&'static self, p: &'static P) -> Pick {
        let tick = p.tick.load(Ordering::Relaxed).wrapping_add(1); // ours to write
        p.tick.store(tick, Ordering::Relaxed); // sysmon only compares it
        let countdown = self.countdown.get() - 1;
        self.countdown.set(countdown);
        if countdown == 0 {
            self.countdown.set(RARELY);
            match self.look_around(p) {
                Pick::Nothing => {}
                found => return found,
            }
        }
        if !Counts::glance().all_busy() && !self.attend(p) {
            return Pick::Again;
        }
        if p.timers.next() != NEVER {
            self.look_at_timers(p);
        }
        self.next_own(p, tick).map_or(Pick::Nothing, Pick::Run)
    }

    #[inline]
    fn next_own(&'static self, p: &'static P, tick: u32) -> Option<Runnable> {
        if self.exclusive() {
            return self.next_started();
        }
        // SAFETY: we hold the P, in the runtime, and let go of it before any call that could touch it.
        let private = unsafe { p.private() };
        if tick & 1 == 0
            && let Some(record) = private.fresh.pop()
        {
            p.note_len(private.fresh.len());
            return Some(Runnable::unstarted(record));
        }
        if let Some(g) = self.runnext.take() {
            return Some(Runnable::started(g));
        }
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        if let Some(g) = home.pop_front() {
            if home.len() >= MANY {
                fetch_ahead(home);
            }
            return Some(Runnable::started(g));
        }
        if let Some(record) = private.fresh.pop() {
            p.note_len(private.fresh.len());
            return Some(Runnable::unstarted(record));
        }
        if let Some(found) = self.next_started() {
            return Some(found);
        }
        let published = private.shared.pop();
        published.and_then(|chain| self.unpack(p, chain))
    }

    /// The unstarted goroutine that [`pick`](Self::pick) would find, if it would find one without looking far, and if it wants
    /// this class of stack. On the stack of a goroutine that has ended, in the runtime.
    #[inline]
    pub(super) fn next_unstarted(&'static self, class: Class) -> Option<NonNull<Record>> {
        let p = self.p()?;
        let tick = p.tick.load(Ordering::Relaxed).wrapping_add(1); // ours to write
        // SAFETY: we are this M, in the runtime.
        let has_started = self.runnext.get().is_some() || !unsafe { self.home() }.is_empty();
        let far = self.countdown.get() <= 1
            || self.spinning.get()
            || self.exclusive()
            || p.timers.next() != NEVER
            || !Counts::glance().all_busy()
            || (tick & 1 != 0 && has_started);
        if far {
            return None;
        }
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        let record = private.fresh.pop()?;
        // SAFETY: it came from a queue, so it is ours.
        if !unsafe { record.as_ref() }.wants(class) {
            private.fresh.push(record);
            return None;
        }
        p.note_len(private.fresh.len());
        p.tick.store(tick, Ordering::Relaxed); // sysmon only compares it
        self.countdown.set(self.countdown.get() - 1);
        Some(record)
    }

    /// The next goroutine at home here.
    fn next_started(&'static self) -> Option<Runnable> {
        let next = || {
            // SAFETY: we are this M, in the runtime.
            self.runnext.take().or_else(|| unsafe { self.home() }.pop_front()).map(Runnable::started)
        };
        next().or_else(|| {
            self.drain_inbox();
            next()
        })
    }

    /// Moves what others made runnable to the queue.
    fn drain_inbox(&'static self) {
        if !self.inbox.is_empty() {
            // SAFETY: we are this M, in the runtime; the closure below keeps no reference.
            let home = unsafe { self.home() };
            // SAFETY: only `ready` pushes, and it pushes Gs.
            self.inbox.drain(|item| home.push_back(unsafe { m::g_of_item(item) }));
        }
    }

    /// Takes the first of a chain and queues the rest.
    fn unpack(&'static self, p: &'static P, mut chain: Chain) -> Option<Runnable> {
        let first = chain.pop();
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        let had = home.len();
        // The first of the chain is the oldest: push so that it would come out last, as it would have at home.
        while let Some(next) = chain.pop() {
            match next.kind() {
                Kind::Started(g) => {
                    g.fetch();
                    home.push_back(g);
                }
                Kind::Unstarted(_) if private.fresh.len() >= KEEP => private.shared.push(Chain::of(next)),
                Kind::Unstarted(record) => private.fresh.push(record),
            }
        }
        home.range(had..).for_each(|g| g.fetch_stack());
        private.kept = private.fresh.len();
        private.kept_since = clock::ticks();
        p.note_len(private.fresh.len());
        first
    }

    /// Every 61st pick.
    #[cold]
    fn look_around(&'static self, p: &'static P) -> Pick {
        if p.id >= gomaxprocs() {
            stop::give_up_p(self, p);
            return Pick::Again;
        }
        self.drain_inbox();
        self.run_timers();
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        if !home.is_empty()
            && let Some(g) = self.runnext.take()
        {
            home.push_back(g); // a pair that readies each other for ever goes behind the rest now
        }
        if self.exclusive() {
            return self.pass_on(p);
        }
        if let Some(found) = global_take().and_then(|chain| self.unpack(p, chain)) {
            return Pick::Run(found);
        }
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        if p.has_shared()
            && clock::ticks().saturating_sub(private.shared_at) > RESERVED_US * clock::ticks_per_us()
        {
            private.shared_at = clock::ticks(); // one chain at a time
            return p.steal().and_then(|chain| self.unpack(p, chain)).map_or(Pick::Nothing, Pick::Run);
        }
        match private.fresh.pop_oldest() {
            Some(oldest) => {
                p.note_len(private.fresh.len());
                Pick::Run(Runnable::unstarted(oldest))
            }
            None => Pick::Nothing,
        }
    }

    /// A locked goroutine has this thread: what others could run goes to them, P and all.
    fn pass_on(&'static self, p: &'static P) -> Pick {
        if !p.has_work() && global_is_empty() {
            return Pick::Nothing;
        }
        stop::pass_on_p(self, p);
        Pick::Again
    }

    /// Others are idle, spin, or wait for a P. False: ours is gone.
    fn attend(&'static self, p: &'static P) -> bool {
        let counts = Counts::glance();
        if counts.need_p() != 0
            && clock::ticks().saturating_sub(self.p_since.get()) > SLICE_US * clock::ticks_per_us()
        {
            stop::yield_p(self, p, self.has_started_work());
            return false;
        }
        if p.id >= gomaxprocs() {
            stop::give_up_p(self, p);
            return false;
        }
        if counts.hungry() {
            self.share(p);
        }
        true
    }

    /// Others are idle: publishes surplus and wakes one of them.
    pub(super) fn share(&'static self, p: &'static P) {
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        // SAFETY: we are this M, in the runtime.
        let started = unsafe { self.home() }.len() + usize::from(self.runnext.get().is_some());
        let fresh = private.fresh.len();
        let mut published = false;
        if fresh >= 2 && fresh + started >= 3 {
            let aged = || clock::ticks().saturating_sub(private.kept_since) > AGE_US * clock::ticks_per_us();
            if fresh > private.kept || aged() {
                published |= deal(p, private);
            }
        }
        if started >= 2 && migration::moving() {
            published |= self.share_started(private);
        }
        if published {
            private.shared_at = clock::ticks();
            idle::submitted();
        }
    }

    /// Publishes the younger half of the queue, or some of a long one, but not more than once per [`AGE_US`].
    fn share_started(&'static self, private: &mut p::Private) -> bool {
        let now = clock::ticks();
        if now.saturating_sub(private.started_shared_at) < AGE_US * clock::ticks_per_us() {
            return false;
        }
        private.started_shared_at = now;
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        let keep = (home.len() / 2).max(home.len().saturating_sub(SHARED_AT_ONCE));
        home.range(keep..).for_each(|g| g.fetch_link());
        let mut give = home.drain(keep..).map(Runnable::started);
        Chain::link(&mut give).map(|chain| private.shared.push(chain)).is_some()
    }

    /// Nothing of our own: the global queue, timers, then other Ps' surplus for as long as spinning pays.
    #[cold]
    fn search(&'static self, p: &'static P) -> Option<Runnable> {
        if self.run_timers() {
            self.drain_inbox();
            if let found @ Some(_) = self.next_started() {
                return found;
            }
        }
        if self.exclusive() {
            return None;
        }
        let found = global_take().and_then(|chain| self.unpack(p, chain)).or_else(|| self.spin(p));
        found.or_else(|| self.await_timers(p))
    }

    /// Waits awake for timers that are due soon, while they come so densely that sleeping between them would cost more, and for
    /// whatever comes before that. The M holds its P and is, to others, as busy as if it ran goroutines: it looks everywhere
    /// before it sleeps.
    fn await_timers(&'static self, p: &'static P) -> Option<Runnable> {
        while self.ran_timers_lately() && p.id < gomaxprocs() && Counts::glance().need_p() == 0 {
            let next = timers::next();
            let now = clock::nanos();
            if next.saturating_sub(now) > SOON_NS {
                break;
            }
            if next <= now {
                self.run_timers();
            } else {
                core::hint::spin_loop();
            }
            self.drain_inbox();
            let found = self.next_started().or_else(|| self.steal(p, gomaxprocs())).or_else(|| {
                if global_is_empty() { None } else { global_take().and_then(|chain| self.unpack(p, chain)) }
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn ran_timers_lately(&'static self) -> bool {
        clock::ticks().saturating_sub(self.timers_ran.get()) < RAN_TIMERS_US * clock::ticks_per_us()
    }

    fn spin(&'static self, p: &'static P) -> Option<Runnable> {
        let procs = gomaxprocs();
        if procs == 1 {
            return None;
        }
        if let found @ Some(_) = self.steal(p, procs) {
            return found;
        }
        if Counts::glance().idle() + 1 >= procs as u64 || !stop::start_spinning(self) {
            return None; // nobody is busy: nothing can come but by a wake-up
        }
        // SAFETY: this is the M's own thread.
        let spin_us = u64::from(unsafe { self.own() }.spin_us);
        let spin_us = spin_us.min(timers::next().saturating_sub(clock::nanos()) / 1000); // not beyond a deadline
        let until = clock::ticks() + spin_us * clock::ticks_per_us();
        while clock::ticks() < until {
            for _ in 0..8 {
                if !self.inbox.is_empty() {
                    return self.next_started();
                }
                core::hint::spin_loop();
            }
            let found = self.steal(p, procs).or_else(|| {
                if global_is_empty() { None } else { global_take().and_then(|chain| self.unpack(p, chain)) }
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Takes a chain from another P, from a random one on.
    fn steal(&'static self, p: &'static P, procs: usize) -> Option<Runnable> {
        let start = self.rng.below(procs as u32) as usize;
        let victims = (start..procs).chain(0..start).map(p::get).filter(|victim| victim.has_shared());
        let mut chains = victims.filter_map(P::steal);
        chains.next().and_then(|chain| self.unpack(p, chain))
    }
}

/// Has the cache fetch what the goroutines need that are next but some, of a queue so long that it cannot be there any more.
#[inline]
fn fetch_ahead(home: &VecDeque<&'static G>) {
    if let Some(g) = home.get(HEADERS_AHEAD) {
        g.fetch();
    }
    if let Some(g) = home.get(STACKS_AHEAD) {
        g.fetch_stack();
    }
}

/// Publishes every other run of neighbours among the unstarted ones that were not looked at yet (or all, when they have
/// waited too long). One by one for a few, longer runs for many: neighbours of a pipeline stay together.
fn deal(p: &'static P, private: &mut p::Private) -> bool {
    let run = (private.fresh.len() / 16).clamp(1, LONGEST_RUN);
    let shared = &private.shared;
    let mut published = false;
    private.fresh.deal(run, |items| {
        if let Some(chain) = Chain::link(&mut items.map(Runnable::unstarted)) {
            shared.push(chain);
            published = true;
        }
    });
    private.kept = private.fresh.len();
    private.kept_since = clock::ticks();
    p.note_len(private.fresh.len());
    published
}

/// After a spawn: more than [`KEEP`] are too many; and while others are idle none waits longer than [`AGE_US`].
#[cold]
pub(crate) fn after_spawn(p: &'static P, private: &mut p::Private) {
    let len = private.fresh.len();
    if len > KEEP {
        let mut oldest =
            core::iter::from_fn(|| private.fresh.pop_oldest()).take(KEEP / 2).map(Runnable::unstarted);
        if let Some(chain) = Chain::link(&mut oldest) {
            private.shared.push(chain);
        }
        private.kept = private.kept.saturating_sub(KEEP / 2);
        p.note_len(private.fresh.len());
        idle::submitted();
        return;
    }
    let now = clock::ticks();
    if len == 1 || private.kept_since == 0 {
        private.kept_since = now;
    } else if now.saturating_sub(private.kept_since) > AGE_US * clock::ticks_per_us() && deal(p, private) {
        idle::submitted();
    }
}
