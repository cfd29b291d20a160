//! The next goroutine for an M.
//!
//! Order: every second pick the newest unstarted one (else a ping-pong pair starves its siblings, they age, are stolen, and
//! the group is torn apart for good); the one made runnable last; the queue at home; unstarted ones; the inbox; what we had
//! published. Then the global queue, timers, other Ps' surplus while spinning, timers that are due at any moment, and sleep. Every
//! 61st pick, or after some more where runs are very short, it looks first at what that order would starve.

use crate::gmp::{Chain, G, Kind, Links, M, P, Parts, Record, Runnable, m, p};
use crate::queue::bundle::Bundle;
use crate::queue::fresh::KEEP;
use crate::queue::ring::Ring;
use crate::sched::counts::Counts;
use crate::sched::{global_is_empty, global_push, global_take, gomaxprocs};
use crate::sched::{idle, stop, timers};
use crate::sys::{clock, fetch};
use crate::timer::NEVER;

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

/// Picks between two looks at the global queue and everything else that is rarely urgent. Go's number; less a few, by chance, so
/// that it does not beat with a program's own rhythm.
pub(super) const RARELY: u32 = 61;
/// Where goroutines stay for a very short time, there are more picks between two looks, as many as fit into this.
pub(super) const LOOK_WITHIN_US: u64 = 10;
/// But not more than so many.
pub(super) const MOST_RARELY: u32 = 8 * RARELY;
/// How long an M may use a P that another M waits for.
const SLICE_US: u64 = 10_000;
/// How long surplus is reserved for others before its owner, busy with other things, takes a chain of it back.
const RESERVED_US: u64 = 1_000;
/// The same while somebody is on his way: a new thread takes long to its first step.
const RESERVED_LONG_US: u64 = 10_000;
/// The same while all are busy.
const RESERVED_SHORT_US: u64 = 100;
/// What a queue so long needs has left the first-level cache before its end is reached.
pub(super) const MANY: usize = 64;
/// The same of the second-level cache.
pub(super) const VERY_MANY: usize = 1024;
/// How far ahead of their turn headers and stacks are fetched from memory.
const HEADERS_AHEAD: usize = 8;
const STACKS_AHEAD: usize = 4;
/// As these, for unstarted goroutines.
pub(super) const UNSTARTED_AHEAD: usize = 8;
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
                Pick::Nothing => self.idle(|| self.search(p)),
                Pick::Again => continue,
            };
            match found {
                Some(runnable) => {
                    stop::stop_spinning(self);
                    if woken || self.armed.take() {
                        timers::before_running_again();
                    }
                    return runnable;
                }
                None => {
                    self.idle(|| stop::stop_m(self, p));
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
        self.not_clear();
        let tick = self.tick_after();
        let rarely = self.next_tick().is_none();
        self.set_tick(tick);
        if rarely {
            let every = self.measure_runs(tick);
            self.look_at.store(tick.wrapping_add(every), Ordering::Relaxed); // a hint for itself
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
        if let next @ Some(_) = home.pop_front() {
            if home.len() >= MANY {
                fetch_ahead(home);
            }
            return next;
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

    /// The next goroutine of those at home here, or that have napped.
    fn next_started(&'static self) -> Option<Runnable> {
        let next = || self.runnext.take().map(Runnable::started).or_else(|| self.pop_home());
        next().or_else(|| {
            self.drain_inbox();
            next()
        })
    }

    /// The oldest in the queue that this M may run: one that has no stack yet goes to others if this thread is locked.
    pub(super) fn pop_home(&'static self) -> Option<Runnable> {
        loop {
            // SAFETY: we are this M, in the runtime.
            let next = unsafe { self.home() }.pop_front()?;
            if !self.exclusive() || next.as_started().is_some() {
                return Some(next);
            }
            global_push(Chain::of(next));
            idle::submitted();
        }
    }

    /// Moves what others made runnable to the queue.
    pub(super) fn drain_inbox(&'static self) {
        if !self.inbox.is_empty() {
            // SAFETY: we are this M, in the runtime; the closure below keeps no reference.
            let home = unsafe { self.home() };
            let before = home.len();
            self.inbox.drain(|item| {
                // SAFETY: only `push_inbox` pushes, and it pushes Gs.
                let g = unsafe { m::g_of_item(item) };
                g.now_runnable();
                home.push_back(Runnable::started(g));
            });
            self.count_many(&self.tally.mail, (home.len() - before) as u64);
        }
    }

    /// Takes the first of a chain and queues the rest.
    fn unpack(&'static self, p: &'static P, chain: Chain) -> Option<Runnable> {
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        let first = match chain.open() {
            Parts::Bundle(bundle) => self.unpack_bundle(p, private, bundle),
            Parts::Links(links) => self.unlink(p, private, links),
        };
        private.kept = private.fresh.len();
        private.kept_since = clock::ticks();
        p.note_len(private.fresh.len());
        first
    }

    /// The first of a chain is the oldest: the rest is pushed so that it would come out last, as it would have at home.
    fn unpack_bundle(
        &'static self,
        p: &'static P,
        private: &mut p::Private,
        bundle: Bundle,
    ) -> Option<Runnable> {
        let mut records = bundle.words().filter_map(|word| NonNull::new(word as *mut Record));
        let first = records.next()?;
        fetch::to_write(first.as_ptr());
        records.for_each(|record| push_fresh(p, private, record));
        // SAFETY: this is the M's own thread.
        unsafe { self.own() }.bundles.give(bundle);
        (0..UNSTARTED_AHEAD)
            .filter_map(|i| private.fresh.newest(i))
            .for_each(|record| fetch::to_write(record.as_ptr()));
        Some(Runnable::unstarted(first))
    }

    /// As [`unpack_bundle`](Self::unpack_bundle), of goroutines that are linked, begun ones among them.
    fn unlink(&'static self, p: &'static P, private: &mut p::Private, mut links: Links) -> Option<Runnable> {
        let first = links.next();
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        let had = home.len();
        for next in links {
            match next.kind() {
                Kind::Started(g) => {
                    g.fetch();
                    home.push_back(next);
                }
                Kind::Unstarted(record) => push_fresh(p, private, record),
            }
        }
        home.iter_from(had).filter_map(Runnable::as_started).for_each(G::fetch_stack);
        first
    }

    /// At every [`RARELY`]th pick, or a little more rarely: what the order of the others would starve.
    #[cold]
    fn look_around(&'static self, p: &'static P) -> Pick {
        if p.id >= gomaxprocs() {
            stop::give_up_p(self, p);
            return Pick::Again;
        }
        self.drain_inbox();
        self.run_timers_by_the_way();
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        if !home.is_empty()
            && let Some(g) = self.runnext.take()
        {
            home.push_back(Runnable::started(g)); // a pair that readies each other for ever goes behind the rest now
        }
        if self.exclusive() {
            return self.pass_on(p);
        }
        if let Some(found) = self.take_global(p) {
            return Pick::Run(found);
        }
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        if p.has_shared() {
            let since = clock::ticks().saturating_sub(private.shared_at) / clock::ticks_per_us();
            if since > reserved_us(Counts::glance()) {
                private.shared_at = clock::ticks(); // one chain at a time
                return p.steal().and_then(|chain| self.unpack(p, chain)).map_or(Pick::Nothing, Pick::Run);
            }
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
        let found = self.take_global(p).or_else(|| self.spin(p));
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
            let found = self
                .next_started()
                .or_else(|| self.steal(p, gomaxprocs()))
                .or_else(|| if global_is_empty() { None } else { self.take_global(p) });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn ran_timers_lately(&'static self) -> bool {
        clock::ticks().saturating_sub(self.timers_ran.get()) < RAN_TIMERS_US * clock::ticks_per_us()
    }

    /// Takes a chain from the global queue.
    fn take_global(&'static self, p: &'static P) -> Option<Runnable> {
        let chain = global_take()?;
        self.count(&self.tally.global_takes);
        self.unpack(p, chain)
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
        self.count(&self.tally.spins);
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
            let found =
                self.steal(p, procs).or_else(|| if global_is_empty() { None } else { self.take_global(p) });
            if found.is_some() {
                return found;
            }
        }
        self.count(&self.tally.vain_spins);
        None
    }

    /// Takes a chain from another P, from a random one on.
    fn steal(&'static self, p: &'static P, procs: usize) -> Option<Runnable> {
        let start = self.rng.below(procs as u32) as usize;
        let stolen = p::steal_from(start, procs, |victim| self.steal_half(p, victim));
        self.count(if stolen.is_some() { &self.tally.steals } else { &self.tally.vain_steals });
        stolen.and_then(|chain| self.unpack(p, chain))
    }
}

/// How long surplus is reserved, in microseconds.
fn reserved_us(counts: Counts) -> u64 {
    match counts {
        counts if counts.all_busy() => RESERVED_SHORT_US,
        counts if counts.spinning() != 0 => RESERVED_LONG_US,
        _ => RESERVED_US,
    }
}

/// Keeps an unstarted goroutine that has come in a chain, unless there are enough.
#[inline]
fn push_fresh(p: &'static P, private: &mut p::Private, record: NonNull<Record>) {
    if private.fresh.len() < KEEP {
        private.fresh.push(record);
    } else {
        p.publish(&private.shared, Chain::of(Runnable::unstarted(record)));
    }
}

/// Has the cache fetch what the goroutines need that are next but some, of a queue so long that it cannot be there any more.
#[inline(always)]
pub(super) fn fetch_ahead(home: &Ring<Runnable>) {
    let get = |n| home.get(n).and_then(Runnable::as_started);
    if let Some(g) = get(HEADERS_AHEAD) {
        g.fetch();
    }
    if let Some(g) = get(STACKS_AHEAD) {
        g.fetch_stack();
    }
}
