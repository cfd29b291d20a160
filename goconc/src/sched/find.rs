//! The next goroutine for an M.
//!
//! Order: every second pick the newest unstarted one (else a ping-pong pair starves its siblings, they age, are stolen, and
//! the group is torn apart for good); the one made runnable last; the queue at home; unstarted ones; the inbox; what we had
//! published. Then the global queue, timers, other Ps' surplus while spinning, timers that are due at any moment, and sleep. Every 61st pick looks first at
//! what that order would starve.

use crate::gmp::{Chain, G, Kind, M, P, Runnable, m, p};
use crate::migration;
use crate::queue::fresh::KEEP;
use crate::queue::inbox::Node;
use crate::queue::ring::Ring;
use crate::sched::counts::Counts;
use crate::sched::{global_is_empty, global_take, gomaxprocs};
use crate::sched::{idle, park, stop, timers};
use crate::sys::clock;
use crate::timer::NEVER;

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

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
/// The same while somebody is on his way.
const RESERVED_LONG_US: u64 = 10_000;
/// Goroutines that stay for so long at a time, on average, compute rather than talk: they are worth a wake-up.
const LONG_RUN_US: u64 = 5;
/// More than [`KEEP`] unstarted ones go in chains of so many, and of twice as many when there are [`MANY_CHAINS`] already.
const CHAIN: usize = KEEP / 4;
/// See [`CHAIN`]. A thief takes no more at once.
const MANY_CHAINS: usize = 16;
/// A queue so long has left the cache before its end is reached.
pub(super) const MANY: usize = 1024;
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
                Pick::Nothing => self.idle(|| self.search(p)),
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
                    self.idle(|| stop::stop_m(self, p));
                    woken = true;
                }
            }
        }
    }

    /// Calls `f`, in which no goroutine runs.
    fn idle<T>(&'static self, f: impl FnOnce() -> T) -> T {
        let since = clock::ticks();
        let result = f();
        let spent = clock::ticks().saturating_sub(since);
        self.runs_since.set(self.runs_since.get().saturating_add(spent));
        result
    }

    /// Every 61st pick: how long did goroutines stay since the last time?
    fn measure_runs(&'static self) {
        let now = clock::ticks();
        let spent = now.saturating_sub(self.runs_since.replace(now));
        let long = spent / u64::from(RARELY) > LONG_RUN_US * clock::ticks_per_us();
        self.long_runs.set(long && gomaxprocs() > 1); // there is somebody else to run what would wait
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
            let before = home.len();
            // SAFETY: only `ready` pushes, and it pushes Gs.
            self.inbox.drain(|item| home.push_back(unsafe { m::g_of_item(item) }));
            self.count_many(&self.tally.mail, (home.len() - before) as u64);
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
                Kind::Unstarted(_) if private.fresh.len() >= KEEP => {
                    p.publish(&private.shared, Chain::of(next))
                }
                Kind::Unstarted(record) => private.fresh.push(record),
            }
        }
        home.iter_from(had).for_each(G::fetch_stack);
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
        self.measure_runs();
        self.drain_inbox();
        self.run_timers_by_the_way();
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
        if let Some(found) = self.take_global(p) {
            return Pick::Run(found);
        }
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        if p.has_shared() {
            let since = clock::ticks().saturating_sub(private.shared_at) / clock::ticks_per_us();
            let somebody_comes = Counts::glance().spinning() != 0; // a new thread takes long to its first step
            if since > if somebody_comes { RESERVED_LONG_US } else { RESERVED_US } {
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

    /// Others are idle: publishes surplus and wakes one of them.
    pub(super) fn share(&'static self, p: &'static P) {
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        // SAFETY: we are this M, in the runtime.
        let started = unsafe { self.home() }.len() + usize::from(self.runnext.get().is_some());
        let fresh = private.fresh.len();
        let mut published = false;
        if fresh + started >= 3 && fresh >= 2 || fresh != 0 && self.parent_goes_on(private) {
            let aged = || clock::ticks().saturating_sub(private.kept_since) > AGE_US * clock::ticks_per_us();
            private.kept = private.kept.min(fresh); // those that have begun meanwhile were among them
            if fresh > private.kept || aged() {
                published |= deal(p, private, started);
            }
        }
        if started >= 2 && migration::moving() {
            published |= self.share_started(p, private);
        }
        if published {
            private.shared_at = clock::ticks();
            idle::submitted();
        }
    }

    /// Whether the newest of the unstarted ones was started by a goroutine that has only yielded. If it has parked, it may well wait
    /// for its child, which then stays.
    fn parent_goes_on(&'static self, private: &p::Private) -> bool {
        // SAFETY: we are this M, in the runtime.
        let Some(last) = unsafe { self.home() }.back() else { return false };
        // SAFETY: it is in a queue of ours, so it is ours.
        let parent = private.fresh.newest().map(|record| unsafe { record.as_ref() }.parent());
        parent == Some(last.id.load(Ordering::Relaxed)) // as above: ours
    }

    /// Publishes the younger half of the queue, or some of a long one, but not more than once per [`AGE_US`].
    fn share_started(&'static self, p: &'static P, private: &mut p::Private) -> bool {
        let now = clock::ticks();
        let lately = now.saturating_sub(private.started_shared_at) < AGE_US * clock::ticks_per_us();
        if lately && !self.long_runs.get() {
            return false;
        }
        private.started_shared_at = now;
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        let keep = (home.len() / 2).max(home.len().saturating_sub(SHARED_AT_ONCE));
        home.iter_from(keep).for_each(G::fetch_link);
        let mut give = home.take_from(keep).map(Runnable::started);
        Chain::link(&mut give).map(|chain| p.publish(&private.shared, chain)).is_some()
    }

    /// Goroutines stay long here, and `g`, which has been made runnable, would wait for the one that runs: it goes to its home if
    /// nobody runs there, or to whoever is idle. False: neither.
    #[cold]
    pub(super) fn pass_to_idle(&'static self, g: &'static G, home: &'static M, node: NonNull<Node>) -> bool {
        let Some(p) = self.p() else { return false };
        if self.exclusive() {
            return false;
        }
        let counts = Counts::glance();
        let hungry = counts.hungry() && counts.need_p() == 0;
        let mut published = hungry && self.publish_home(p);
        let idle_at_home = || {
            hungry && !core::ptr::eq(self, home) && !home.retake.in_user_code() && home.inbox.is_empty() // else it has got something to run just now
        };
        let passed = if g.stays_home() {
            false
        } else if idle_at_home() {
            park::push_inbox(home, node);
            true
        } else if hungry || !(self.has_started_work() || p.has_shared()) {
            // Also while nobody is idle: who becomes so a moment later finds it, instead of waiting for the one that runs here.
            g.now_runnable();
            publish(p, Chain::of(Runnable::started(g)));
            published = true;
            true
        } else {
            false
        };
        if published {
            idle::submitted();
        }
        passed
    }

    /// Publishes what waits here for a goroutine to stop that may go on for ever. The caller calls [`idle::submitted`].
    fn publish_home(&'static self, p: &'static P) -> bool {
        self.drain_inbox();
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        let mut movable = (0..home.len().min(SHARED_AT_ONCE)).filter_map(|_| {
            let g = home.pop_front()?;
            if g.stays_home() {
                home.push_back(g);
                return None;
            }
            Some(Runnable::started(g))
        });
        Chain::link(&mut movable).map(|chain| publish(p, chain)).is_some()
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

    /// Takes so many chains that the victim has no less left than we have then, as far as its hints tell: one to run, the
    /// others to be published here.
    fn steal_half(&'static self, p: &'static P, victim: &'static P) -> Option<Chain> {
        let first = victim.steal()?;
        let chains = victim.shared_len();
        // SAFETY: null, or an M, which is never freed. Acquire: pairs with the Release in `assign`.
        let holder = unsafe { victim.m.load(Ordering::Acquire).as_ref() };
        let begun = holder.map_or(0, M::at_home).saturating_sub(self.at_home());
        let left = chains * CHAIN + victim.fresh_len.load(Ordering::Relaxed) + begun as usize; // hints
        let more = (left.saturating_sub(CHAIN) / (2 * CHAIN)).min(chains).min(MANY_CHAINS);
        // SAFETY: we hold the P, in the runtime.
        let shared = &unsafe { p.private() }.shared;
        let mut last = Some(first);
        for _ in 0..more {
            let Some(next) = victim.steal() else { break };
            last.replace(next).into_iter().for_each(|chain| p.publish(shared, chain));
        }
        if more != 0 {
            idle::submitted(); // on their way nobody could see them: not even who has just fallen asleep
        }
        last
    }
}

/// Has the cache fetch what the goroutines need that are next but some, of a queue so long that it cannot be there any more.
#[inline]
pub(super) fn fetch_ahead(home: &Ring<&'static G>) {
    if let Some(g) = home.get(HEADERS_AHEAD) {
        g.fetch();
    }
    if let Some(g) = home.get(STACKS_AHEAD) {
        g.fetch_stack();
    }
}

fn publish(p: &'static P, chain: Chain) {
    // SAFETY: the caller holds the P, in the runtime.
    let private = unsafe { p.private() };
    p.publish(&private.shared, chain);
    private.shared_at = clock::ticks();
}

/// Publishes so many of the unstarted ones that half of what can run here is for others, with what was published before.
/// Neighbours often talk to each other, and so do the first and the last of a few: those that go are two runs, from the
/// first half and from the second. When there are more than [`KEEP`], the oldest have gone already, and their neighbours follow.
fn deal(p: &'static P, private: &mut p::Private, started: usize) -> bool {
    let (fresh, gone) = (private.fresh.len(), private.shared.len() * CHAIN);
    let stay = if migration::moving() { started.min(1) } else { started }; // those that may move are shared, too
    let give = ((fresh + stay + gone) / 2).saturating_sub(gone).min(fresh);
    let run = (give / 2).max(1);
    private.fresh.pick_out(give, if gone == 0 { run } else { 0 }, run);
    for from in (0..give).step_by(CHAIN) {
        publish_oldest(p, private, CHAIN.min(give - from));
    }
    private.kept = private.fresh.len();
    private.kept_since = clock::ticks();
    p.note_len(private.fresh.len());
    give != 0
}

/// Publishes so many unstarted ones as one chain.
fn publish_oldest(p: &P, private: &mut p::Private, number: usize) {
    let fresh = &mut private.fresh;
    let mut oldest = core::iter::from_fn(|| fresh.pop_oldest()).take(number).map(Runnable::unstarted);
    if let Some(chain) = Chain::link(&mut oldest) {
        p.publish(&private.shared, chain);
    }
}

/// After a spawn: more than [`KEEP`] are too many; and while others are idle none waits longer than [`AGE_US`].
#[cold]
pub(crate) fn after_spawn(p: &'static P, private: &mut p::Private) {
    let len = private.fresh.len();
    if len > KEEP {
        let number = if private.shared.len() < MANY_CHAINS { CHAIN } else { 2 * CHAIN };
        publish_oldest(p, private, number);
        private.kept = private.kept.saturating_sub(number);
        p.note_len(private.fresh.len());
        idle::submitted();
        return;
    }
    let now = clock::ticks();
    private.kept = private.kept.min(len - 1);
    if len == 1 || private.kept_since == 0 {
        private.kept_since = now;
    } else if now.saturating_sub(private.kept_since) > AGE_US * clock::ticks_per_us() && deal(p, private, 1) {
        idle::submitted();
    }
}
