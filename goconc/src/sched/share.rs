//! Placement: what an M gives away, to whom, and what it keeps.
//!
//! Goroutines that talk to each other belong on one M, those that compute on several; and nothing says which a new one will be. So
//! three things decide. How many wait here (a single child stays with its parent, of more about a half goes); how long they have
//! waited; and how long goroutines have stayed here of late before they stopped (`measure_runs`): long runs compute, and then even
//! one that has just been made runnable goes to whoever is idle (`pass_to_idle`); very short ones talk, and a few of them stay together
//! though others are idle (`worth_sharing`). What goes are neighbours, as chains.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::gmp::{Chain, G, M, P, Runnable, p};
use crate::migration;
use crate::queue::bundle;
use crate::queue::fresh::KEEP;
use crate::queue::inbox::Node;
use crate::sched::counts::Counts;
use crate::sched::find::{LOOK_WITHIN_US, MOST_RARELY, RARELY};
use crate::sched::{gomaxprocs, idle, park};
use crate::sys::clock;

/// How long unstarted goroutines that were kept may wait while others are idle.
const AGE_US: u64 = 50;
/// So many started goroutines are published at once at most: to link and unlink them touches each of their stacks.
pub(super) const SHARED_AT_ONCE: usize = 256;
/// How long goroutines stay is not told by fewer than [`RARELY`] of them, unless they took so long.
const ENOUGH_US: u64 = 1000;
/// By so many picks at most a look around comes earlier than it need.
const JITTER: u32 = 8;
/// Goroutines that stay for so long at a time, on average, compute rather than talk: they are worth a wake-up.
const LONG_RUN_US: u64 = 5;
/// Those that stay for less talk, and not only to those that wait here: fewer than [`TALKERS`] of them stay together.
pub(super) const SHORT_RUN_NS: u64 = 500;
/// See [`SHORT_RUN_NS`].
const TALKERS: usize = 16;
/// More than [`KEEP`] unstarted ones go in chains of so many, and of twice as many when there are [`MANY_CHAINS`] already.
const CHAIN: usize = KEEP / 4;
/// See [`CHAIN`]. A thief takes no more at once.
const MANY_CHAINS: usize = 16;
const _: () = assert!(2 * CHAIN <= bundle::ROOM);

impl M {
    /// Calls `f`, in which no goroutine runs.
    pub(super) fn idle<T>(&'static self, f: impl FnOnce() -> T) -> T {
        let since = clock::ticks();
        let result = f();
        let spent = clock::ticks().saturating_sub(since);
        self.runs_since.set(self.runs_since.get().saturating_add(spent));
        result
    }

    /// At every look around, at `tick`: how long did goroutines stay since the last one? Says after how many picks the next one is due.
    pub(super) fn measure_runs(&'static self, tick: u32) -> u32 {
        let (now, us) = (clock::ticks(), clock::ticks_per_us());
        let spent = now.saturating_sub(self.runs_since.get());
        let picks = tick.wrapping_sub(self.measured_at.get()).max(1);
        let run = spent / u64::from(picks);
        let short = run <= SHORT_RUN_NS * us / 1000;
        if picks < RARELY && spent < ENOUGH_US * us {
            // sysmon has asked for this look. Too few to tell, but for one thing.
            if !short {
                self.worth_sharing.set(2);
            }
            return RARELY - picks;
        }
        self.runs_since.set(now);
        self.measured_at.set(tick);
        self.long_runs.set(run > LONG_RUN_US * us && gomaxprocs() > 1); // there is somebody else to run what would wait
        self.worth_sharing.set(if short { TALKERS } else { 2 });
        let in_time = LOOK_WITHIN_US * us / (run.max(1) * u64::from(RARELY));
        let every = RARELY * in_time.clamp(1, u64::from(MOST_RARELY / RARELY)) as u32;
        // A number that is always the same would beat with the program's own rhythm, prime or not: of those who take turns with one
        // of them, it would be the same one each time who is next when the look moves the rest on.
        every - self.rng.below(JITTER)
    }

    /// Whether goroutines stayed for a very short time here, as of late.
    #[inline(always)]
    pub(super) fn runs_are_short(&self) -> bool {
        self.worth_sharing.get() == TALKERS
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
                published |= deal(self, p, private, started);
            }
        }
        if started >= self.worth_sharing.get() && migration::moving() {
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
        let Some(last) = unsafe { self.home() }.back().and_then(Runnable::as_started) else { return false };
        // SAFETY: it is in a queue of ours, so it is ours.
        let parent = private.fresh.newest(0).map(|record| unsafe { record.as_ref() }.parent());
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
        home.iter_from(keep).filter_map(Runnable::as_started).for_each(G::fetch_link);
        let mut give = home.take_from(keep);
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
            let next = home.pop_front()?;
            if next.as_started().is_some_and(G::stays_home) {
                home.push_back(next);
                return None;
            }
            Some(next)
        });
        Chain::link(&mut movable).map(|chain| publish(p, chain)).is_some()
    }

    /// Takes so many chains that the victim has no less left than we have then, as far as its hints tell: one to run, the
    /// others to be published here.
    pub(super) fn steal_half(&'static self, p: &'static P, victim: &'static P) -> Option<Chain> {
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

fn publish(p: &'static P, chain: Chain) {
    // SAFETY: the caller holds the P, in the runtime.
    let private = unsafe { p.private() };
    p.publish(&private.shared, chain);
    private.shared_at = clock::ticks();
}

/// Publishes so many of the unstarted ones that half of what can run here is for others, with what was published before.
/// Neighbours often talk to each other, and so do the first and the last of a few: those that go are two runs, from the
/// first half and from the second. When there are more than [`KEEP`], the oldest have gone already, and their neighbours follow.
fn deal(m: &M, p: &'static P, private: &mut p::Private, started: usize) -> bool {
    let (fresh, gone) = (private.fresh.len(), private.shared.len() * CHAIN);
    let stay = if migration::moving() { started.min(1) } else { started }; // those that may move are shared, too
    let give = ((fresh + stay + gone) / 2).saturating_sub(gone).min(fresh);
    let run = (give / 2).max(1);
    private.fresh.pick_out(give, if gone == 0 { run } else { 0 }, run);
    for from in (0..give).step_by(CHAIN) {
        publish_oldest(m, p, private, CHAIN.min(give - from));
    }
    private.kept = private.fresh.len();
    private.kept_since = clock::ticks();
    p.note_len(private.fresh.len());
    give != 0
}

/// Publishes so many unstarted ones, which fit into a bundle, as one chain. On the thread of `m`.
fn publish_oldest(m: &M, p: &P, private: &mut p::Private, number: usize) {
    let fresh = &mut private.fresh;
    let oldest = core::iter::from_fn(|| fresh.pop_oldest()).take(number);
    // SAFETY: this is the M's own thread.
    let bundles = &mut unsafe { m.own() }.bundles;
    if let Some(bundle) = bundles.pack(oldest.map(|record| record.as_ptr() as usize)) {
        p.publish(&private.shared, Chain::of_bundle(bundle));
    }
}

/// After a spawn: more than [`KEEP`] are too many; and while others are idle none waits longer than [`AGE_US`].
#[cold]
pub(crate) fn after_spawn(m: &'static M, p: &'static P, private: &mut p::Private) {
    let len = private.fresh.len();
    if len > KEEP {
        let number = if private.shared.len() < MANY_CHAINS { CHAIN } else { 2 * CHAIN };
        publish_oldest(m, p, private, number);
        private.kept = private.kept.saturating_sub(number);
        p.note_len(private.fresh.len());
        idle::submitted();
        return;
    }
    let now = clock::ticks();
    private.kept = private.kept.min(len - 1);
    if len == 1 || private.kept_since == 0 {
        private.kept_since = now;
    } else if now.saturating_sub(private.kept_since) > AGE_US * clock::ticks_per_us()
        && deal(m, p, private, 1)
    {
        idle::submitted();
    }
}
