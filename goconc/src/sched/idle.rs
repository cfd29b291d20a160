//! Idle Ps, parked Ms, Ms that need a P; who is woken, and why no wake-up is lost.
//!
//! One word, [`COUNTS`], says how many Ps are idle, how many Ms spin, and how many Ms wait for a P; every pick reads it
//! (Relaxed), and zero means that nobody else wants anything. The lists behind it have a lock: every change of theirs
//! goes with a futex call, next to which a lock is nothing.
//!
//! **Submitting work** (publish a chain, push to the global queue): publish; SeqCst fence; if no M spins and a P is idle,
//! wake one M as a spinner ([`wake_p`]: at most one waker in flight; a spinner that finds work wakes the next).
//!
//! **Falling asleep**: P to the idle list and M to the parked list (one lock section, COUNTS changes with SeqCst); stop
//! being counted as a spinner (SeqCst); then *look once more* at everything that can be stolen. Either the submitter sees
//! the idle P and no spinner, and wakes; or this last look sees the submitted work. A spinner that the submitter saw
//! instead looks once more itself before it sleeps.
//!
//! **An M's own inbox**: the sleeping mark is in the inbox's word (`queue::inbox`): the push that finds it owes the
//! wake-up. The last thing an M does before it sleeps is to set the mark, which fails if something has come in.
//!
//! **An M without a P that has something to run** queues in `need_p`. A P that becomes idle goes to the first of them;
//! an M that has used its P for a slice of 10 ms while somebody waits hands it on ([`yield_p`]); sysmon takes the P of an
//! M that stays in user code. So each waits at most about a slice per M before it.
//!
//! **Timers**: the parked M that knows the earliest deadline sleeps only until then (the keeper). Running Ms look at all
//! timers themselves; sysmon is the safety net when all of them are in user code.

use core::sync::atomic::{AtomicU64, Ordering, fence};
use std::collections::VecDeque;

use parking_lot::{Mutex, MutexGuard};

use crate::gmp::m::{CacheLine, NEEDS_P, PARKED, RUNNING};
use crate::gmp::{M, P, p};
use crate::sched::{FOLLOWS_CPUS, GOMAXPROCS, dead, global_is_empty, gomaxprocs, sysmon};
use crate::sys::clock;
use crate::sys::note::Note;
use crate::timer::NEVER;

const IDLE_ONE: u64 = 1;
const SPINNING_ONE: u64 = 1 << 16;
const NEED_P_ONE: u64 = 1 << 32;
const FIELD: u64 = 0xFFFF;

/// Idle Ps, spinning Ms, Ms in need of a P: 16 bits each.
static COUNTS: CacheLine<AtomicU64> = CacheLine(AtomicU64::new(0));

/// One look at [`COUNTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts(u64);

impl Counts {
    /// As of now, for heuristics.
    #[inline(always)]
    pub(crate) fn glance() -> Counts {
        Counts(COUNTS.load(Ordering::Relaxed)) // a hint: sharing a moment later is as good
    }

    fn exact() -> Counts {
        Counts(COUNTS.load(Ordering::SeqCst)) // against "falling asleep", see the head of this file
    }

    /// Nobody is idle, spins or waits.
    #[inline(always)]
    pub(crate) fn all_busy(self) -> bool {
        self.0 == 0
    }

    /// Idle Ps.
    pub(crate) fn idle(self) -> u64 {
        self.0 & FIELD
    }

    /// Spinning Ms.
    pub(crate) fn spinning(self) -> u64 {
        (self.0 / SPINNING_ONE) & FIELD
    }

    /// Ms in need of a P.
    pub(crate) fn need_p(self) -> u64 {
        (self.0 / NEED_P_ONE) & FIELD
    }

    /// Somebody could run what we have too much of.
    #[inline(always)]
    pub(crate) fn hungry(self) -> bool {
        self.0 & (NEED_P_ONE - 1) != 0
    }
}

/// The lists. `threads` counts Ms that have a thread.
#[derive(Debug)]
pub(crate) struct Idle {
    ps: Vec<&'static P>,
    ms: Vec<&'static M>,
    need_p: VecDeque<&'static M>,
    /// Ps whose M sysmon is asked to make, and whether that M starts as a spinner.
    pub(crate) orphans: Vec<(&'static P, bool)>,
    keeper: Option<(&'static M, u64)>,
    /// Ms with a live thread.
    pub(crate) threads: usize,
    /// Plain threads that are blocked in an operation of ours.
    pub(crate) blocked_threads: i64,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle {
    ps: Vec::new(),
    ms: Vec::new(),
    need_p: VecDeque::new(),
    orphans: Vec::new(),
    keeper: None,
    threads: 0,
    blocked_threads: 0,
});

/// The scheduler's lock.
pub(crate) fn lock() -> MutexGuard<'static, Idle> {
    IDLE.lock()
}

impl Idle {
    /// Whether no M runs, is about to run, or wants to: every thread of ours sleeps with nothing to do.
    pub(crate) fn all_parked(&self) -> bool {
        // An M on the list whose inbox is not empty has not come to look at it yet: it will, before it sleeps.
        let asleep = |m: &&M| m.inbox.is_empty();
        self.ms.len() == self.threads
            && self.need_p.is_empty()
            && self.orphans.is_empty()
            && self.ms.iter().copied().all(|m| asleep(&m))
    }

    /// Puts a P on the idle list.
    fn push_p(&mut self, p: &'static P) {
        p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
        p.retired.store(false, Ordering::Relaxed); // under the lock
        self.ps.push(p);
        COUNTS.fetch_add(IDLE_ONE, Ordering::SeqCst); // "falling asleep"
    }

    /// Takes an idle P, rather the one that `m` held last.
    fn pop_p(&mut self, m: Option<&'static M>) -> Option<&'static P> {
        let mine = |p: &&'static P| m.is_some_and(|m| core::ptr::eq(p.last_m.load(Ordering::Relaxed), m));
        let index = self.ps.iter().position(mine).or_else(|| self.ps.len().checked_sub(1))?;
        COUNTS.fetch_sub(IDLE_ONE, Ordering::SeqCst); // as in `push_p`
        Some(self.ps.swap_remove(index))
    }

    /// Takes `m` off the parked list.
    fn unpark(&mut self, m: &'static M) {
        if let Some(i) = self.ms.iter().position(|&other| core::ptr::eq(other, m)) {
            self.ms.remove(i);
        }
        if self.keeper.is_some_and(|(keeper, _)| core::ptr::eq(keeper, m)) {
            self.keeper = None;
        }
        m.state.store(RUNNING, Ordering::Relaxed); // under the lock
    }

    /// Gives a P that nobody holds to the first M that needs one, or to the idle list. Retires it when there are too many.
    /// The caller wakes who is returned.
    #[must_use]
    fn dispose_p(&mut self, p: &'static P) -> Option<Wake> {
        if p.id >= gomaxprocs() {
            retire(p);
            return None;
        }
        match self.need_p.pop_front() {
            Some(m) => {
                COUNTS.fetch_sub(NEED_P_ONE, Ordering::SeqCst); // a count; the order comes from the lock
                m.state.store(RUNNING, Ordering::Relaxed); // under the lock
                Some(Wake { m, p })
            }
            None => {
                self.push_p(p);
                None
            }
        }
    }

    /// Finds an M for a P that has work. `None`: sysmon makes one.
    #[must_use]
    fn start_m(&mut self, p: &'static P, spinning: bool) -> Option<Wake> {
        let last = p.last_m.load(Ordering::Relaxed);
        let fit = |m: &&'static M| !m.exclusive();
        let keeper = self.keeper.map(|(m, _)| m);
        let m = (self.ms.iter().copied().find(|m| core::ptr::eq(*m, last) && fit(m)))
            .or_else(|| {
                self.ms
                    .iter()
                    .rev()
                    .copied()
                    .find(|m| fit(m) && !keeper.is_some_and(|k| core::ptr::eq(k, *m)))
            })
            .or_else(|| self.ms.iter().copied().find(fit));
        match m {
            Some(m) => {
                self.unpark(m);
                m.spinning.set(spinning);
                Some(Wake { m, p })
            }
            None => {
                self.orphans.push((p, spinning));
                sysmon::poke();
                None
            }
        }
    }

    /// Adds Ps when GOMAXPROCS has grown from `old` to `n`: those that are new or were retired.
    pub(crate) fn adopt_ps(&mut self, old: usize, n: usize) -> Vec<Wake> {
        p::ensure(n);
        let retired = |p: &&'static P| p.retired.swap(false, Ordering::Relaxed); // under the lock
        (old..n).map(p::get).filter(retired).filter_map(|p| self.dispose_p(p)).collect()
    }

    /// Retires the idle Ps that are too many now that GOMAXPROCS is `n`.
    pub(crate) fn retire_idle_ps(&mut self, n: usize) {
        let (keep, surplus): (Vec<_>, Vec<_>) = self.ps.drain(..).partition(|p| p.id < n);
        self.ps = keep;
        for p in surplus {
            COUNTS.fetch_sub(IDLE_ONE, Ordering::SeqCst); // as in `push_p`
            retire(p);
        }
    }
}

/// An M that has been given a P, to be woken once the lock is free.
#[derive(Debug)]
#[must_use]
pub(crate) struct Wake {
    m: &'static M,
    p: &'static P,
}

impl Wake {
    /// Wakes it.
    pub(crate) fn send(self) {
        self.m.next_p.store(core::ptr::from_ref(self.p).cast_mut(), Ordering::Release); // pairs with `take_next_p`
        // SAFETY: Ms are never freed.
        unsafe { Note::wakeup(&raw const self.m.note) };
    }
}

/// Makes `m` hold `p`. By `m` itself, or before its thread runs.
pub(crate) fn assign(m: &'static M, p: &'static P) {
    p.last_m.store(core::ptr::from_ref(m).cast_mut(), Ordering::Relaxed); // read under the lock, while idle
    p.m.store(core::ptr::from_ref(m).cast_mut(), Ordering::Release); // pairs with sysmon's Acquire
    m.p.store(core::ptr::from_ref(p).cast_mut(), Ordering::Relaxed); // this thread's own
    m.p_since.set(clock::ticks());
}

/// Moves the goroutines of a P that is too many to the global queue. Its timers stay: every M looks at all timers.
fn retire(p: &'static P) {
    p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
    p.retired.store(true, Ordering::Relaxed); // under the lock
    // SAFETY: nobody holds the P: its holder has just given it up, under the lock.
    let private = unsafe { p.private() };
    let mut fresh = core::iter::from_fn(|| private.fresh.pop_oldest()).map(crate::gmp::Runnable::unstarted);
    if let Some(chain) = crate::gmp::Chain::link(&mut fresh) {
        crate::sched::global_push(chain);
    }
    p.note_len(0);
    while let Some(chain) = p.steal() {
        crate::sched::global_push(chain);
    }
}

/// Wakes one M as a spinner, unless one spins already or no P is idle. After publishing work and a SeqCst fence.
#[cold]
pub(crate) fn wake_p() {
    let counts = Counts::exact();
    if counts.spinning() != 0 || counts.idle() == 0 {
        return;
    }
    // SeqCst: "at most one waker in flight".
    if COUNTS
        .compare_exchange(counts.0, counts.0 + SPINNING_ONE, Ordering::SeqCst, Ordering::Relaxed)
        .is_err()
    {
        // Somebody else has just changed the picture; look again, because it need not have been a waker.
        return wake_p();
    }
    let mut idle = lock();
    let wake = match idle.pop_p(None) {
        Some(p) => idle.start_m(p, true),
        None => {
            COUNTS.fetch_sub(SPINNING_ONE, Ordering::SeqCst); // no M came of it
            None
        }
    };
    drop(idle);
    if let Some(wake) = wake {
        wake.send();
    }
}

/// After submitting work: makes it visible, then wakes.
#[inline]
pub(crate) fn submitted() {
    fence(Ordering::SeqCst); // StoreLoad against `stop_m`: "submitting work"
    if Counts::glance().idle() != 0 {
        wake_p();
    }
}

/// An M that pushed onto a sleeping M's inbox: gives that M a P, or a place in the queue for one.
#[cold]
pub(crate) fn wake_m(m: &'static M) {
    let mut idle = lock();
    if m.state.load(Ordering::Relaxed) != PARKED {
        return; // it wakes up anyway and will look at its inbox
    }
    idle.unpark(m);
    let wake = match idle.pop_p(Some(m)) {
        Some(p) => Some(Wake { m, p }),
        None => {
            idle.queue_for_p(m);
            None
        }
    };
    drop(idle);
    if let Some(wake) = wake {
        wake.send();
    }
}

impl Idle {
    fn queue_for_p(&mut self, m: &'static M) {
        m.state.store(NEEDS_P, Ordering::Relaxed); // under the lock
        self.need_p.push_back(m);
        COUNTS.fetch_add(NEED_P_ONE, Ordering::SeqCst); // a count; the order comes from the lock
    }
}

/// The M becomes a spinner, if there are not enough of them: at most half as many as there are busy Ps.
pub(crate) fn start_spinning(m: &'static M) -> bool {
    if m.spinning.get() {
        return true;
    }
    let counts = Counts::glance();
    let busy = (gomaxprocs() as u64).saturating_sub(counts.idle());
    if 2 * counts.spinning() >= busy {
        return false;
    }
    COUNTS.fetch_add(SPINNING_ONE, Ordering::SeqCst); // "falling asleep" takes it back
    m.spinning.set(true);
    true
}

/// The M has found work: it spins no longer, and if it was the last to, another one takes its place.
#[inline]
pub(crate) fn found_work(m: &'static M) {
    if m.spinning.get() {
        found_work_slow(m);
    }
}

#[cold]
fn found_work_slow(m: &'static M) {
    m.spinning.set(false);
    let before = Counts(COUNTS.fetch_sub(SPINNING_ONE, Ordering::SeqCst)); // as in `start_spinning`
    if before.spinning() == 1 && before.idle() != 0 && anything_to_steal() {
        wake_p();
    }
}

/// Whether some other M could find work right now.
pub(crate) fn anything_to_steal() -> bool {
    !global_is_empty() || (0..gomaxprocs()).any(|id| p::get(id).has_shared())
}

/// The earliest deadline of all Ps, those beyond GOMAXPROCS included.
pub(crate) fn next_timer() -> u64 {
    p::all().map(|p| p.timers.next()).min().unwrap_or(NEVER)
}

/// The M, which has found nothing, gives up its P and sleeps. Returns with a P.
#[cold]
pub(crate) fn stop_m(m: &'static M, p: &'static P) {
    let mut idle = lock();
    if let Some((orphan, spinning)) = idle.orphans.pop() {
        // Somebody waits for a new M: we are one.
        let wake = idle.dispose_p(p);
        drop(idle);
        if m.spinning.replace(spinning) {
            COUNTS.fetch_sub(SPINNING_ONE, Ordering::SeqCst); // the orphan's waker has counted us anew
        }
        assign(m, orphan);
        return wake.map_or((), Wake::send);
    }
    m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // this thread's own
    let wake = if m.exclusive() && p.has_work() { idle.start_m(p, false) } else { idle.dispose_p(p) };
    let was_spinning = m.spinning.replace(false); // before others see us: from then on the flag is our waker's
    m.state.store(PARKED, Ordering::Relaxed); // under the lock
    idle.ms.push(m);
    drop(idle);
    if let Some(wake) = wake {
        wake.send();
    }
    if was_spinning {
        COUNTS.fetch_sub(SPINNING_ONE, Ordering::SeqCst); // "falling asleep"
    }
    fence(Ordering::SeqCst); // StoreLoad against `submitted`
    if !m.exclusive() && (anything_to_steal() || next_timer() <= clock::nanos()) && unpark_self(m, false) {
        return;
    }
    if m.inbox.try_sleep() {
        if Counts::glance().idle() == gomaxprocs() as u64 {
            dead::check();
        }
        sleep_m(m);
        m.inbox.wake();
    } else if !unpark_self(m, true) {
        sleep_m(m);
    }
}

/// A parked M that has found something after all takes an idle P. False: it has none yet and must sleep, either because
/// somebody is about to wake it, or (with `must_run`) in the queue for a P, or because there is nothing it could do.
fn unpark_self(m: &'static M, must_run: bool) -> bool {
    let mut idle = lock();
    if m.state.load(Ordering::Relaxed) != PARKED {
        return false;
    }
    let p = idle.pop_p(Some(m));
    if p.is_some() || must_run {
        idle.unpark(m);
    }
    match p {
        Some(p) => {
            drop(idle);
            assign(m, p);
            true
        }
        None => {
            if must_run {
                idle.queue_for_p(m);
            }
            false
        }
    }
}

/// Sleeps until somebody has given it a P, or until a timer is due and a P is idle.
fn sleep_m(m: &'static M) {
    let slept_at = clock::ticks();
    loop {
        let deadline = become_keeper(m);
        if m.note.sleep_until(deadline) {
            if take_next_p(m) {
                break;
            }
        } else if unpark_self(m, false) {
            break;
        }
    }
    clock::tick_coarse();
    sysmon::somebody_runs();
    // SAFETY: this is the M's own thread.
    let own = unsafe { m.own() };
    let parked_us = (clock::ticks() - slept_at) / clock::ticks_per_us();
    // Parked for less than it would have cost to spin: spin longer next time.
    own.spin_us = if parked_us < 100 { (own.spin_us * 2).min(100) } else { (own.spin_us / 2).max(5) };
}

/// The deadline until which this M may sleep: that of the earliest timer, if no other parked M looks after it.
fn become_keeper(m: &'static M) -> u64 {
    let mut idle = lock();
    if m.state.load(Ordering::Relaxed) != PARKED {
        return NEVER; // a P is on its way
    }
    let next = next_timer();
    match idle.keeper {
        Some((keeper, deadline)) if !core::ptr::eq(keeper, m) && deadline <= next => NEVER,
        _ if next == NEVER => NEVER,
        _ if idle.ps.is_empty() => {
            // Every P is held: their Ms look after the timers, and sysmon after them.
            NEVER
        }
        _ => {
            idle.keeper = Some((m, next));
            next
        }
    }
}

fn take_next_p(m: &'static M) -> bool {
    // Acquire: pairs with the Release in `Wake::send`.
    let p = m.next_p.swap(core::ptr::null_mut(), Ordering::Acquire);
    // SAFETY: null, or a P, which is never freed.
    match unsafe { p.as_ref() } {
        Some(p) => {
            assign(m, p);
            true
        }
        None => false,
    }
}

/// The M has lost its P (or never had one) and has something to run: gets an idle P, or waits for its turn.
#[cold]
pub(crate) fn wait_for_p(m: &'static M) {
    let mut idle = lock();
    m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // this thread's own
    if let Some(p) = idle.pop_p(Some(m)) {
        drop(idle);
        return assign(m, p);
    }
    idle.queue_for_p(m);
    drop(idle);
    sleep_for_p(m);
}

fn sleep_for_p(m: &'static M) {
    loop {
        m.note.sleep();
        if take_next_p(m) {
            break;
        }
    }
    clock::tick_coarse();
}

/// The M without a P has nothing to run: sleeps until it has both.
#[cold]
pub(crate) fn stop_m_without_p(m: &'static M) {
    let mut idle = lock();
    m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // this thread's own
    if let Some(p) = idle.pop_p(Some(m)) {
        drop(idle);
        return assign(m, p); // `find_runnable` looks around and gives it back
    }
    m.state.store(PARKED, Ordering::Relaxed); // under the lock
    idle.ms.push(m);
    drop(idle);
    if m.inbox.try_sleep() {
        sleep_m(m);
        m.inbox.wake();
    } else if !unpark_self(m, true) {
        sleep_m(m);
    }
}

/// The M has used its P for a slice, and others wait: hands it on and queues up behind them, if it has something to run.
#[cold]
pub(crate) fn yield_p(m: &'static M, p: &'static P, has_work: bool) {
    let mut idle = lock();
    if idle.need_p.is_empty() {
        m.p_since.set(clock::ticks());
        return;
    }
    m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // this thread's own
    let wake = idle.dispose_p(p);
    if has_work {
        idle.queue_for_p(m);
    }
    drop(idle);
    if let Some(wake) = wake {
        wake.send();
    }
    if has_work { sleep_for_p(m) } else { stop_m_without_p(m) }
}

/// The M holds a P that is one too many: retires it.
#[cold]
pub(crate) fn give_up_p(m: &'static M, p: &'static P) {
    let wake = {
        let mut idle = lock();
        m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // this thread's own
        idle.dispose_p(p)
    };
    if let Some(wake) = wake {
        wake.send();
    }
}

/// Changes GOMAXPROCS because the user says so: it follows the CPUs no longer. Returns what it was.
pub(crate) fn set_gomaxprocs(n: usize) -> usize {
    change_gomaxprocs(n, false)
}

/// Changes GOMAXPROCS because the CPUs have changed, if it still follows them.
pub(crate) fn follow_cpus(n: usize) {
    if FOLLOWS_CPUS.load(Ordering::Relaxed) && n != gomaxprocs() {
        // Relaxed: a change of mind that comes at the same moment wins or loses as a whole.
        change_gomaxprocs(n, true);
    }
}

/// Takes effect within about a slice: an M that holds a P too many gives it up at its next pick.
pub(crate) fn change_gomaxprocs(n: usize, follow: bool) -> usize {
    let mut idle = lock();
    FOLLOWS_CPUS.store(follow, Ordering::Relaxed); // under the lock
    let old = GOMAXPROCS.swap(n, Ordering::Relaxed); // under the lock; see `gomaxprocs`
    idle.retire_idle_ps(n);
    let wakes = idle.adopt_ps(old, n);
    drop(idle);
    wakes.into_iter().for_each(Wake::send);
    submitted(); // what was in retired Ps is in the global queue now
    old
}

/// sysmon has taken `p` from its M: somebody else gets it, an M that needs one first, else a parked or a new one.
pub(crate) fn handoff_p(p: &'static P) {
    let mut idle = lock();
    p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
    let wake = if p.id >= gomaxprocs() || !idle.need_p.is_empty() {
        idle.dispose_p(p)
    } else {
        idle.start_m(p, false)
    };
    drop(idle);
    if let Some(wake) = wake {
        wake.send();
    }
}
