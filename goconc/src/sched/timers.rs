//! Who looks after the timers.
//!
//! A goroutine arms a timer on the P that it runs on (`here`); any M may fire it.
//! * An M that runs goroutines looks at its own P's timers between two of them, every 20 us; where they stay for less than half a
//!   microsecond, before every 8th of them only, unless it has armed one that another M might have to look after. At all timers it
//!   looks whenever it has nothing to run, and whenever it looks around (`find::RARELY`), if no M has for 20 us: a look at all of them
//!   takes the longer the more Ps there are, and one every 20 us is enough for all Ms together.
//! * An M that has run a timer just now and has nothing more to do waits awake, P in hand, for one that is due within the time that
//!   it takes to fall asleep and to wake up (`find::await_timers`). To the others it is busy.
//! * While a P is idle, one parked M, the **keeper**, sleeps until the earliest deadline and no longer. Whoever arms an earlier
//!   one and will not come by soon, calls it ([`Armed::announce`], `look_at_timers`): a wake-up without a P, after which it looks what
//!   is next. What is due is then on time even if all Ms that run compute.
//! * When no P is idle there is nobody to run what is due before one of the busy Ms comes by: sysmon, which takes the P of an M
//!   that stays in user code, is the rest.
//!
//! A goroutine that naps (`spawn::Leaving`) has no stack, and is an entry without a node: when it is due it goes to the end of the same
//! queue as the others, but any M may take it.
//!
//! No deadline is lost between an M that goes to sleep and somebody who arms a timer: the first says that it is no longer the
//! keeper, fence, reads the deadlines, and says until when it sleeps; the other one publishes the deadline, fence, reads until
//! when the keeper sleeps. So either the first sees the deadline, or the second finds no keeper, or one that sleeps too long,
//! and calls it. The same holds for the last P that becomes idle, whose M becomes the keeper. (`models::keeper`)

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering, fence};

use crate::gmp::m::{CacheLine, PARKED};
use crate::gmp::{Chain, M, P, Record, Runnable, g, m, p};
use crate::queue::inbox::Node;
use crate::sched::counts::Counts;
use crate::sched::{global_push, idle, park, start};
use crate::sys::atomic::fence_behind_unlock;
use crate::sys::note::Note;
use crate::sys::{clock, thread};
use crate::timer::{self, Firing, NEVER, Timers};

/// How often an M looks at the timers while there is other work.
const LOOK_EVERY_US: u64 = 20;

/// Until when the keeper sleeps; NEVER when there is none. Written under the scheduler's lock.
static KEPT_UNTIL: AtomicU64 = AtomicU64::new(NEVER);

/// When an M that had other things to do looked at all timers last, in ticks.
static ALL_SEEN: CacheLine<AtomicU64> = CacheLine(AtomicU64::new(0));

/// The earliest deadline of all Ps, those beyond GOMAXPROCS included.
pub(crate) fn next() -> u64 {
    p::all().map(|p| p.timers.next()).min().unwrap_or(NEVER)
}

/// Where the caller arms its timers.
pub(crate) fn here() -> &'static Timers {
    let p = match g::current() {
        Some(g) => g.m().p(), // sysmon may be taking it: it is a P all the same
        None => {
            start::start();
            None
        }
    };
    &p.unwrap_or_else(|| p::get(0)).timers
}

/// What [`arm`] has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Armed {
    /// It was armed before: only the deadline is new.
    pub(crate) again: bool,
    earliest: bool,
    when: u64,
}

impl Armed {
    /// Sees to it that an M wakes up for the timer. For callers that go on with other things than looking for work.
    #[inline]
    pub(crate) fn announce(self) {
        if self.earliest {
            fence(Ordering::SeqCst); // StoreLoad against `become_keeper` and `stop_m`: the deadline was published
            if self.when < KEPT_UNTIL.load(Ordering::Relaxed) {
                call_keeper(self.when);
            }
        }
    }

    /// As [`announce`](Self::announce), for a goroutine on `m` that is about to stop: its M looks for something to do next, and on its
    /// way at the timers.
    pub(crate) fn leave_to(self, m: &M) {
        note_armed(m, self.earliest);
    }
}

/// `m`, on which this is, has armed a timer, the earliest of its P or not: if others have nothing to do, it looks at the timers before it
/// goes on, and tells one of them.
fn note_armed(m: &M, earliest: bool) {
    if earliest {
        fence_behind_unlock(); // StoreLoad against `become_keeper`, which counts itself idle, and looks: the deadline was published
        if Counts::glance().idle() != 0 {
            m.armed.set(true);
            m.not_clear();
        }
    }
}

/// Where a timer that fires is armed again: at the M that runs the timers, which looks there before it goes on.
pub(crate) fn here_while(firing: Firing) -> &'static Timers {
    // SAFETY: `run_timers` has passed the M, on this thread.
    let m = unsafe { &*firing.by.cast::<M>() };
    &m.p().unwrap_or_else(|| p::get(0)).timers
}

/// Arms a timer, or changes its deadline. `here` is the caller's: see [`here`], [`here_while`].
///
/// # Safety
/// * As [`timer::Node::arm`].
pub(crate) unsafe fn arm(node: NonNull<timer::Node>, when: u64, here: &'static Timers) -> Armed {
    // SAFETY: by contract.
    let timer::Armed { again, earliest } = unsafe { timer::Node::arm(node, when, here) };
    Armed { again, earliest, when }
}

/// Arms a timer that nobody takes back, for a goroutine that has said that it stops. On its M.
///
/// # Safety
/// * As [`Timers::add_untracked`].
pub(crate) unsafe fn arm_untracked(m: &'static M, node: NonNull<timer::Node>, when: u64) {
    let p = m.p().unwrap_or_else(|| p::get(0)); // without a P, any P will do
    // SAFETY: by contract.
    let earliest = unsafe { p.timers.add_untracked(when, node) };
    note_armed(m, earliest);
}

/// Arms the timer that ends the nap of a goroutine, on the M that it has begun on.
///
/// # Safety
/// * The record is filled, naps, and belongs to its timer from now on.
pub(crate) unsafe fn arm_nap(m: &'static M, record: NonNull<Record>, when: u64) {
    let p = m.p().unwrap_or_else(|| p::get(0)); // as in `arm_untracked`
    // SAFETY: by contract; a record is a cache line.
    let earliest = unsafe { p.timers.add_bare(when, record.cast()) };
    note_armed(m, earliest);
}

/// The deadline of a nap has come: the goroutine can run again, in the order of the deadlines, where the timers are run.
///
/// # Safety
/// * `what` is the record of [`arm_nap`], and this is called once.
unsafe fn nap_is_over(what: NonNull<()>, firing: Firing) {
    // SAFETY: as in `ready_due`.
    let m = unsafe { &*firing.by.cast::<M>() };
    let record = what.cast::<Record>();
    // SAFETY: filled by contract, and ours.
    unsafe { record.as_ref() }.nap_ends();
    let next = Runnable::unstarted(record);
    if m.exclusive() {
        global_push(Chain::of(next));
        idle::submitted();
    } else {
        // SAFETY: we are this M, in the runtime.
        unsafe { m.home() }.push_back(next);
        m.napped.store(true, Ordering::Relaxed); // a hint for sysmon
    }
}

/// Before an M that has slept goes on with a goroutine, which may compute for long: it may have been the keeper, or have come to
/// another P than it had. Is somebody else there for all these timers?
#[cold]
pub(super) fn before_running_again() {
    let next = next();
    // Relaxed: what this look misses, the next one sees, or `become_keeper`.
    if next < KEPT_UNTIL.load(Ordering::Relaxed) {
        call_keeper(next);
    }
}

/// Wakes a parked M, which then looks what is next. Nothing if no P is idle: it could do nothing.
#[cold]
fn call_keeper(when: u64) {
    if Counts::glance().idle() == 0 {
        return;
    }
    let mut idle = idle::lock();
    if idle.keeper().is_some_and(|(_, until)| until <= when) {
        return;
    }
    let Some(m) = idle.keeper().map(|(m, _)| m).or_else(|| idle.parked_last()) else {
        drop(idle);
        return idle::wake_p(); // it finds nothing to run, and is the keeper then
    };
    idle.set_keeper(Some((m, when))); // nobody need call it again until it has looked
    drop(idle);
    // SAFETY: Ms are never freed.
    unsafe { Note::wakeup(&raw const m.note) };
}

/// For the scheduler's lists: who looks after the timers has changed.
pub(super) fn note_keeper(until: u64) {
    KEPT_UNTIL.store(until, Ordering::Relaxed); // the fences of `become_keeper` and `announce` order it
}

/// The deadline until which a parked M may sleep: that of the earliest timer, if no other M looks after it.
pub(super) fn become_keeper(m: &'static M) -> u64 {
    let mut idle = idle::lock();
    idle.resign(m); // what it was responsible for before need not be what is next now
    if m.state.load(Ordering::Relaxed) != PARKED {
        return NEVER; // a P is on its way. Relaxed: under the lock
    }
    fence(Ordering::SeqCst); // StoreLoad against `announce`: what `resign` has published, and the look at the timers
    let next = next();
    // When every P is held, their Ms look after the timers, and sysmon after them.
    let looked_after = !idle.has_idle_p() || idle.keeper().is_some_and(|(_, until)| until <= next);
    if next == NEVER || looked_after {
        return NEVER;
    }
    idle.set_keeper(Some((m, next)));
    next
}

/// Sleeps on `note` until `deadline`, on time: see [`Note::sleep_until`].
pub(super) fn sleep_until(note: &Note, deadline: u64) -> bool {
    if deadline == NEVER {
        return note.sleep_until(NEVER);
    }
    thread::allow_timer_slack(false);
    let woken = note.sleep_until(deadline);
    thread::allow_timer_slack(true);
    woken
}

impl M {
    /// The M holds `p`, which has timers: runs what is due, if the last look was a while ago. If the M has a goroutine to go on
    /// with, which may compute for long, somebody else must look next time.
    #[cold]
    pub(super) fn look_at_timers(&'static self, p: &'static P) {
        let now = clock::ticks();
        if now.saturating_sub(self.timers_seen.get()) > LOOK_EVERY_US * clock::ticks_per_us() {
            self.timers_seen.set(now);
            self.run_timers();
        }
        let next = p.timers.next();
        // Relaxed: what this look misses, the next one sees, or `become_keeper`.
        if self.has_started_work() || p.has_work() {
            self.armed.set(false);
            if next < KEPT_UNTIL.load(Ordering::Relaxed) {
                call_keeper(next);
            }
        } // else it looks for something, and then at the timers again, if it has armed one
    }

    /// Runs what is due on any P, unless some M has lately.
    pub(super) fn run_timers_by_the_way(&'static self) {
        let now = clock::ticks();
        // Relaxed: two that look at the same time do no harm.
        if now.saturating_sub(ALL_SEEN.load(Ordering::Relaxed)) > LOOK_EVERY_US * clock::ticks_per_us() {
            ALL_SEEN.store(now, Ordering::Relaxed); // as above
            self.run_timers();
        }
    }

    /// Runs what is due on any P. True: something was. The M is in the runtime, on its own stack. Not inlined: it would be a part
    /// of the loop that picks goroutines.
    #[inline(never)]
    pub(super) fn run_timers(&'static self) -> bool {
        if next() == NEVER {
            return false;
        }
        let now = clock::tick_coarse();
        let by = core::ptr::from_ref(self).cast();
        let ran = p::all().map(|p| p.timers.run(now, by, nap_is_over)).sum::<usize>() != 0;
        if ran {
            self.timers_ran.set(clock::ticks());
        }
        ran
    }
}

/// Makes the goroutine behind `node` runnable, for a timer that fires. Those that are due run in the order of their deadlines.
///
/// # Safety
/// * As [`park::ready`]; called by a timer's `fire`.
pub(crate) unsafe fn ready_due(firing: Firing, node: NonNull<Node>, home: &'static M) {
    // SAFETY: `run_timers` has passed the M, which is in the runtime, on its own stack, on this thread.
    let m = unsafe { &*firing.by.cast::<M>() };
    // SAFETY: the node is valid until its goroutine runs.
    let item = unsafe { node.as_ref() }.item();
    // SAFETY: nodes of goroutines carry the address of their header.
    let g = unsafe { m::g_of_item(item) };
    if park::may_run_on(m, g, home) {
        g.now_runnable();
        // SAFETY: we are this M, in the runtime.
        unsafe { m.home() }.push_back(Runnable::started(g));
    } else {
        park::push_inbox(home, node);
    }
}
