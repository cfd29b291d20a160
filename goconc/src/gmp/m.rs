//! M: an OS thread of ours, and the started goroutines that are at home on it.

use core::cell::{Cell, UnsafeCell};
use core::num::NonZero;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::arch::Context;
use crate::gmp::record::FreeList;
use crate::gmp::retake::Retake;
use crate::gmp::{G, P, Runnable};
use crate::queue::bundle;
use crate::queue::inbox::Inbox;
use crate::queue::ring::Ring;
use crate::stack::{Class, Slot};
use crate::sys::note::Note;
use crate::sys::rand::Rng;

/// Classes of stacks.
pub(crate) const CLASSES: usize = Class::COUNT;

/// In [`M::clear`]: sysmon wants a look.
const STALE: u32 = 1 << 31;

/// It runs, spins, or has been given a P and wakes up.
pub(crate) const RUNNING: u8 = 0;
/// It sleeps and has nothing to do.
pub(crate) const PARKED: u8 = 1;
/// It sleeps, has something to do, and waits for a P.
pub(crate) const NEEDS_P: u8 = 2;

/// What only the thread itself touches, in the runtime or in user code.
#[derive(Debug)]
pub(crate) struct Own {
    /// Dead goroutines whose stacks are hot, newest last, by class.
    pub(crate) dead: [Vec<&'static G>; CLASSES],
    /// Slots that were never used, by class.
    pub(crate) unused: [Vec<Slot>; CLASSES],
    /// How many slots it took last time.
    pub(crate) slot_batch: usize,
    /// Free records.
    pub(crate) records: FreeList,
    /// Free bundles.
    pub(crate) bundles: bundle::Cache,
    /// Free channel blocks.
    pub(crate) blocks: crate::block::Cache,
    /// Numbers for new goroutines: the next one, and the end of the batch.
    pub(crate) ids: (u64, u64),
    /// Until when it spins before it sleeps, in microseconds; adapts to how long it was parked.
    pub(crate) spin_us: u32,
}

/// What an M has done beyond running what was its own. Written by itself, or by sysmon under `Retake`. Each on its own: a
/// reader adds them up, and nothing is decided by them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Goroutines that came through its inbox: woken by others, for it.
    pub(crate) mail: AtomicU64,
    /// Goroutines that were at home elsewhere when this M woke them, and that it took.
    pub(crate) drawn: AtomicU64,
    /// How often it was woken from its sleep.
    pub(crate) woken: AtomicU64,
    /// Chains that it stole.
    pub(crate) steals: AtomicU64,
    /// Looks at all other Ps that found nothing to steal.
    pub(crate) vain_steals: AtomicU64,
    /// Chains that it took from the global queue.
    pub(crate) global_takes: AtomicU64,
    /// How often it began to spin.
    pub(crate) spins: AtomicU64,
    /// How often it found nothing as long as it spun.
    pub(crate) vain_spins: AtomicU64,
    /// How often sysmon took its P.
    pub(crate) retaken: AtomicU64,
}

/// An OS thread that runs goroutines.
#[repr(C, align(128))]
pub(crate) struct M {
    /// The hand-shake with sysmon.
    pub(crate) retake: Retake,
    /// How many goroutines have locked themselves to this thread: while there are any, it starts no others.
    pub(crate) locks: Cell<u32>,
    /// The goroutine it runs; null while it is on its own stack.
    pub(crate) running: AtomicPtr<G>,
    /// The thread's own stack, while a goroutine runs.
    pub(crate) context: Context,
    /// A goroutine that has ended and is yet to be buried.
    pub(crate) ended_one: Cell<Option<&'static G>>,
    /// How often it has picked a goroutine, modulo 2^32, and how often it will without a look: see `clear`. Written by itself.
    tick: AtomicU32,
    /// Picks after which the goroutine went on that had run. See `tick`.
    vain: Cell<u32>,
    /// At which tick it looks at everything that is looked at rarely. Written by itself; sysmon may say that it is time.
    pub(crate) look_at: AtomicU32,
    /// So many picks need not look at what others want: see `sched::direct`. `tick` has them already. Written by itself; sysmon may add
    /// [`STALE`].
    clear: AtomicU32,
    /// The P it holds, or null. Written by itself, and by sysmon while it takes the P.
    pub(crate) p: AtomicPtr<P>,
    /// The goroutine made runnable last: it runs next. As `home`.
    pub(crate) runnext: Cell<Option<&'static G>>,
    home: UnsafeCell<Ring<Runnable>>,
    own: UnsafeCell<Own>,
    /// Goroutines started by code on this M. Written by itself.
    pub(crate) started: AtomicU64,
    /// Goroutines that ended on this M. Written by itself.
    pub(crate) ended: AtomicU64,
    /// Those among them that have only left their stacks, for a nap. Written by itself.
    pub(crate) naps: AtomicU64,
    /// Whether some whose nap has ended may be in `home`, for any M to run. Written by itself, and by sysmon under `Retake`.
    pub(crate) napped: AtomicBool,
    /// RUNNING, PARKED or NEEDS_P; read and written under the scheduler's lock only.
    pub(crate) state: AtomicU8,
    /// Random choices.
    pub(crate) rng: Rng,
    /// Whether goroutines stay long here before they stop, as of late. Written by itself.
    pub(crate) long_runs: Cell<bool>,
    /// How many goroutines that have begun must be here before others get some of them. Written by itself.
    pub(crate) worth_sharing: Cell<usize>,
    /// Since when that is being measured, in ticks, idle times left out.
    pub(crate) runs_since: Cell<u64>,
    /// The same, in picks: see `tick`.
    pub(crate) measured_at: Cell<u32>,
    /// When it got its P, in ticks.
    pub(crate) p_since: Cell<u64>,
    /// Whether it has armed a timer that another M may have to look after, and told nobody: it is to look at the timers before it goes
    /// on. Written by itself.
    pub(crate) armed: Cell<bool>,
    /// When it looked at the timers last, in ticks.
    pub(crate) timers_seen: Cell<u64>,
    /// When it ran the last one that was due, in ticks.
    pub(crate) timers_ran: Cell<u64>,
    /// Whether it is counted as spinning. Written by itself, or by its waker before it wakes.
    pub(crate) spinning: Cell<bool>,

    // -- touched by others --
    /// What others made runnable for it.
    pub(crate) inbox: CacheLine<Inbox>,
    /// Where it sleeps.
    pub(crate) note: Note,
    /// The P it is woken with.
    pub(crate) next_p: AtomicPtr<P>,
    /// When that was, in ticks.
    pub(crate) called_at: AtomicU64,
    /// The P it held last, or null. Written by itself; read under the scheduler's lock, while it sleeps.
    pub(crate) last_p: AtomicPtr<P>,
    /// Its number.
    pub(crate) id: usize,
    /// The kernel's name for its thread; zero until it runs.
    pub(crate) tid: AtomicI32,
    /// What decides which goroutines may leave the thread; set before it runs its first one.
    thread: UnsafeCell<Option<crate::migration::Home>>,
    /// Goroutines that have begun to run here. Written by itself.
    pub(crate) begun: AtomicU64,
    /// Goroutines that came here after they had begun elsewhere. Written by itself.
    pub(crate) moved_in: AtomicU64,
    /// Goroutines that went elsewhere. Written by the Ms that took them.
    pub(crate) moved_out: AtomicU64,
    /// Statistics.
    pub(crate) tally: Tally,
    /// Whether it is the process's main thread.
    pub(crate) is_main: Cell<bool>,
    /// Told once that it stalls the goroutines at home on it.
    pub(crate) stall_reported: AtomicBool,
}

/// A value on a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct CacheLine<T>(pub(crate) T);

impl<T> core::ops::Deref for CacheLine<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

// SAFETY: `own` and the cells belong to the thread that runs this M, `home` and `runnext` also to sysmon under `Retake`, and
// `spinning` to the waker before the thread wakes, ordered by the note; all else is Sync.
unsafe impl Sync for M {}
// SAFETY: nothing in here is tied to the thread that made it.
unsafe impl Send for M {}

impl core::fmt::Debug for M {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("M").field("id", &self.id).field("tid", &self.tid).finish_non_exhaustive()
    }
}

impl M {
    fn new(id: usize, fences: bool) -> M {
        M {
            retake: Retake::new(fences),
            locks: Cell::new(0),
            running: AtomicPtr::new(core::ptr::null_mut()),
            context: Context::new(0),
            ended_one: Cell::new(None),
            tick: AtomicU32::new(0),
            look_at: AtomicU32::new(1),
            clear: AtomicU32::new(0),
            vain: Cell::new(0),
            p: AtomicPtr::new(core::ptr::null_mut()),
            last_p: AtomicPtr::new(core::ptr::null_mut()),
            runnext: Cell::new(None),
            home: UnsafeCell::new(Ring::new()),
            own: UnsafeCell::new(Own {
                dead: [const { Vec::new() }; CLASSES],
                unused: [const { Vec::new() }; CLASSES],
                slot_batch: 1,
                records: FreeList::new(),
                bundles: bundle::Cache::new(),
                blocks: crate::block::Cache::new(),
                ids: (0, 0),
                spin_us: 20,
            }),
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            naps: AtomicU64::new(0),
            napped: AtomicBool::new(false),
            state: AtomicU8::new(RUNNING),
            rng: Rng::new(id as u64 + 1),
            long_runs: Cell::new(false),
            worth_sharing: Cell::new(2),
            measured_at: Cell::new(0),
            runs_since: Cell::new(0),
            p_since: Cell::new(0),
            armed: Cell::new(false),
            timers_seen: Cell::new(0),
            timers_ran: Cell::new(0),
            spinning: Cell::new(false),
            inbox: CacheLine(Inbox::new()),
            note: Note::new(),
            next_p: AtomicPtr::new(core::ptr::null_mut()),
            called_at: AtomicU64::new(0),
            id,
            tid: AtomicI32::new(0),
            thread: UnsafeCell::new(None),
            begun: AtomicU64::new(0),
            moved_in: AtomicU64::new(0),
            moved_out: AtomicU64::new(0),
            tally: Tally::default(),
            is_main: Cell::new(false),
            stall_reported: AtomicBool::new(false),
        }
    }

    /// What only its thread touches.
    ///
    /// # Safety
    /// * The caller runs on this M's thread (on its own stack or on a goroutine's) and keeps no other reference to `Own`
    ///   meanwhile.
    #[inline(always)]
    #[expect(
        clippy::mut_from_ref,
        reason = "exclusive by the M's thread, which the borrow checker cannot see"
    )]
    pub(crate) unsafe fn own(&self) -> &mut Own {
        // SAFETY: exclusive by contract.
        unsafe { &mut *self.own.get() }
    }

    /// Goroutines that can run here, oldest first: those at home here, and those whose nap has ended here, which have no stack yet.
    ///
    /// # Safety
    /// * The caller is this M in the runtime, or sysmon while it takes the M's P, and keeps no other reference meanwhile.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "exclusive under `Retake`, which the borrow checker cannot see")]
    pub(crate) unsafe fn home(&self) -> &mut Ring<Runnable> {
        // SAFETY: exclusive by contract.
        unsafe { &mut *self.home.get() }
    }

    /// Remembers its thread.
    ///
    /// # Safety
    /// * The caller is the thread that is about to run this M, and no goroutine is at home on it.
    pub(crate) unsafe fn set_thread(&self, thread: crate::migration::Home) {
        // SAFETY: others read it only for a goroutine that is at home here.
        unsafe { *self.thread.get() = Some(thread) };
    }

    /// What decides which goroutines may leave its thread.
    ///
    /// # Safety
    /// * The caller owns a goroutine that is at home on this M.
    pub(crate) unsafe fn thread(&self) -> Option<crate::migration::Home> {
        // SAFETY: written before the first goroutine came home here, and not again before the last one has gone.
        unsafe { *self.thread.get() }
    }

    /// How many goroutines are at home here. Exact on the M's own thread, as long as none moves.
    pub(crate) fn at_home(&self) -> u64 {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed); // its own, or a count that only grows
        let (came, went) =
            (load(&self.begun) + load(&self.moved_in), load(&self.ended) + load(&self.moved_out));
        came.saturating_sub(went)
    }

    /// Whether it starts no goroutines, because one has locked itself to the thread.
    pub(crate) fn exclusive(&self) -> bool {
        self.locks.get() != 0
    }

    /// The goroutine on whose stack the caller runs. By code on a goroutine's stack, on this M's thread.
    #[inline(always)]
    pub(crate) fn current(&self) -> &'static G {
        // SAFETY: set by `about_to_run` before any goroutine runs here. Relaxed: this thread's own.
        unsafe { &*self.running.load(Ordering::Relaxed) }
    }

    /// The P it holds.
    #[inline(always)]
    pub(crate) fn p(&self) -> Option<&'static P> {
        // SAFETY: only Ps are stored, and they are never freed. Relaxed: written by this thread, or by sysmon under
        // `Retake`, whose words carry the order.
        unsafe { self.p.load(Ordering::Relaxed).as_ref() }
    }

    /// The tick of the next pick.
    #[inline(always)]
    pub(crate) fn tick_after(&self) -> u32 {
        self.tick.load(Ordering::Relaxed).wrapping_add(1) // its own
    }

    /// The tick of the next pick, unless that is one that looks around first.
    #[inline(always)]
    pub(crate) fn next_tick(&self) -> Option<u32> {
        let tick = self.tick_after();
        (self.look_in(tick) > 0).then_some(tick)
    }

    /// So many picks after the one at `tick` is one that looks around first; zero or less: it is that.
    #[inline(always)]
    fn look_in(&self, tick: u32) -> i32 {
        let look_at = self.look_at.load(Ordering::Relaxed); // a hint
        look_at.wrapping_sub(tick).cast_signed()
    }

    /// So often it has picked, or will have.
    #[inline(always)]
    pub(crate) fn set_tick(&self, tick: u32) {
        self.tick.store(tick, Ordering::Relaxed); // others take it for a hint
    }

    /// A pick after which the goroutine goes on that has run. `tick` is [`next_tick`](Self::next_tick).
    pub(crate) fn set_vain_tick(&self, tick: u32) {
        self.set_tick(tick);
        self.vain.set(self.vain.get().wrapping_add(1));
    }

    /// How often it has picked a goroutine, modulo 2^32. Exact on its own thread; for others a hint, as the two words are read one after
    /// the other.
    pub(crate) fn picks(&self) -> u32 {
        let tick = self.tick.load(Ordering::Relaxed); // as said
        tick.wrapping_sub(self.clear.load(Ordering::Relaxed) & !STALE) // as said
    }

    /// How often it has picked another goroutine than the one that has run. On its thread.
    pub(crate) fn changes(&self) -> u32 {
        self.picks().wrapping_sub(self.vain.get())
    }

    /// The next pick looks around first. By sysmon; one that is missed is as if it had come a moment later.
    pub(crate) fn look_around_soon(&self) {
        self.look_at.store(self.picks(), Ordering::Relaxed); // a hint
        // Relaxed: as above. No load and store: that could bring back an old count.
        self.clear.fetch_or(STALE, Ordering::Relaxed);
    }

    /// The next pick looks at what others want. On its thread.
    #[inline(always)]
    pub(crate) fn not_clear(&self) {
        let left = self.clear.load(Ordering::Relaxed); // its own, but for the mark
        if left != 0 {
            self.set_tick(self.tick.load(Ordering::Relaxed).wrapping_sub(left & !STALE));
            self.clear.store(0, Ordering::Relaxed); // as above; sysmon's mark is done with
        }
    }

    /// The pick at `tick`, and that so many more need not look at what others want, unless one of them is to look around.
    #[inline(always)]
    pub(crate) fn set_clear_tick(&self, tick: u32, clear: u32) {
        let clear = clear.min(self.look_in(tick).max(1).cast_unsigned() - 1);
        self.clear.store(clear, Ordering::Relaxed); // as in `not_clear`
        self.set_tick(tick.wrapping_add(clear));
    }

    /// How many picks need not look at what others want, if any.
    #[inline(always)]
    pub(crate) fn clear(&self) -> Option<NonZero<u32>> {
        let left = self.clear.load(Ordering::Relaxed); // as in `not_clear`
        NonZero::new(left).filter(|_| left < STALE)
    }

    /// One of these, `left`, has been done.
    #[inline(always)]
    pub(crate) fn set_clear(&self, left: NonZero<u32>) {
        self.clear.store(left.get() - 1, Ordering::Relaxed); // what sysmon says in between is missed
    }

    /// Adds one to a counter that only this thread writes: a load and a store, no atomic addition.
    #[inline(always)]
    pub(crate) fn count(&self, counter: &AtomicU64) {
        self.count_many(counter, 1);
    }

    /// As [`count`](Self::count), for several at once.
    #[inline(always)]
    pub(crate) fn count_many(&self, counter: &AtomicU64, n: u64) {
        counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Relaxed); // statistics: nothing to order
    }
}

/// A list of Ms that is only appended to.
struct All {
    list: Vec<&'static M>,
}

static ALL: Mutex<All> = Mutex::new(All { list: Vec::new() });

/// Makes a new M (not yet a thread).
pub(crate) fn make(fences: bool) -> &'static M {
    let mut all = ALL.lock();
    let m: &'static M = Box::leak(Box::new(M::new(all.list.len(), fences)));
    all.list.push(m);
    m
}

/// How many Ms there are.
pub(crate) fn count() -> usize {
    ALL.lock().list.len()
}

/// Shows every M.
pub(crate) fn for_each(f: impl FnMut(&'static M)) {
    let all = ALL.lock().list.clone();
    all.into_iter().for_each(f);
}

/// A goroutine given by address, as inboxes carry it.
///
/// # Safety
/// * `item` is the address of a G's header.
pub(crate) unsafe fn g_of_item(item: usize) -> &'static G {
    // SAFETY: by contract; headers are never freed.
    unsafe { &*(item as *const G) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Picks without a look until one is due, whatever the number of the tick, and all of them counted.
    #[test]
    fn clear_until_somebody_may_want_something() {
        let m = M::new(0, false);
        let left = || m.clear().map_or(0, NonZero::get);
        let do_clear_picks =
            |at_most: u32| (0..at_most).map_while(|_| m.clear().map(|left| m.set_clear(left))).count();
        for tick in [0, 1, u32::MAX - 3, u32::MAX, u32::MAX / 2, u32::MAX / 2 + 1] {
            let after = |n| tick.wrapping_add(n);
            m.look_at.store(after(50), Ordering::Relaxed);
            m.set_clear_tick(tick, 7);
            assert_eq!((m.picks(), do_clear_picks(9), m.picks()), (tick, 7, after(7)));
            m.set_clear_tick(after(8), 60); // a look around comes before that
            assert_eq!((do_clear_picks(99), m.next_tick()), (41, None));
            m.set_clear_tick(after(50), 7); // it is that
            assert_eq!(left(), 0);
            m.look_at.store(after(99), Ordering::Relaxed);
            m.set_clear_tick(after(51), 7);
            assert_eq!((do_clear_picks(3), m.picks()), (3, after(54)));
            m.not_clear();
            assert_eq!((left(), m.picks(), m.next_tick()), (0, after(54), Some(after(55))));
            m.set_clear_tick(after(55), 7);
            assert_eq!(do_clear_picks(2), 2);
            m.look_around_soon(); // by sysmon: nothing has been picked
            assert_eq!((left(), m.picks(), m.next_tick()), (0, after(57), None));
            m.not_clear();
            assert_eq!((left(), m.picks(), m.next_tick()), (0, after(57), None));
        }
    }

    /// What tells whether another goroutine has run meanwhile.
    #[test]
    fn a_pick_in_vain_is_no_change() {
        let m = M::new(0, false);
        m.look_at.store(100, Ordering::Relaxed);
        let before = (m.picks(), m.changes());
        m.next_tick().into_iter().for_each(|tick| m.set_vain_tick(tick));
        assert_eq!((m.picks(), m.changes()), (before.0 + 1, before.1));
        m.next_tick().into_iter().for_each(|tick| m.set_tick(tick));
        assert_eq!((m.picks(), m.changes()), (before.0 + 2, before.1 + 1));
    }
}
