//! Idle Ps, parked Ms, Ms that need a P; who is woken, and why no wake-up is lost.
//!
//! One word (`counts`) says how many Ps are idle, how many Ms spin, and how many Ms wait for a P; every pick reads it
//! (Relaxed), and zero means that nobody else wants anything. The lists behind it have a lock: every change of theirs
//! goes with a futex call, next to which a lock is nothing. The lists and who is woken are in this file, the words in
//! `counts`, how an M goes to sleep in `stop`.
//!
//! **Submitting work** (publish a chain, also one that was stolen; push to the global queue): publish; SeqCst fence; if no M spins and a P is idle,
//! wake one M as a spinner ([`wake_p`]: at most one waker in flight; a spinner that finds work wakes the next).
//!
//! **Falling asleep**: P to the idle list and M to the parked list (one lock section, the counts change with SeqCst); stop
//! being counted as a spinner (SeqCst); then *look once more* at everything that can be stolen. Either the submitter sees
//! the idle P and no spinner, and wakes; or this last look sees the submitted work. A spinner that the submitter saw
//! instead looks once more itself before it sleeps.
//!
//! **An M's own inbox**: the sleeping mark is in the inbox's word (`queue::inbox`): the push that finds it owes the
//! wake-up. The last thing an M does before it sleeps is to set the mark, which fails if something has come in.
//!
//! **An exclusive M** (a goroutine has locked itself to its thread) starts nothing and takes nothing: wherever others would
//! look once more, it wakes one of them instead, and a P that has work goes from it to another M.
//!
//! **An M without a P that has something to run** queues in `need_p`. A P that becomes idle goes to the first of them;
//! an M that has used its P for a slice of 10 ms while somebody waits hands it on ([`yield_p`]); sysmon takes the P of an
//! M that stays in user code. So each waits at most about a slice per M before it.
//!
//! **Timers**: while a P is idle, one parked M sleeps only until the earliest deadline (the keeper, see `timers`).

use core::sync::atomic::{Ordering, fence};
use std::collections::VecDeque;

use parking_lot::{Mutex, MutexGuard};

use crate::gmp::m::{NEEDS_P, PARKED, RUNNING};
use crate::gmp::{Chain, M, P, Runnable, p};
use crate::sched::counts::{self, Counts};
use crate::sched::{FOLLOWS_CPUS, GOMAXPROCS, global_is_empty, global_push, gomaxprocs, sysmon, timers};
use crate::sys::clock;
use crate::sys::note::Note;
use crate::timer::NEVER;

/// The lists. `threads` counts Ms that have a thread, or are about to get one.
#[derive(Debug)]
pub(crate) struct Idle {
    ps: Vec<&'static P>,
    ms: Vec<&'static M>,
    need_p: VecDeque<&'static M>,
    /// Ps whose M sysmon is asked to make, and whether that M starts as a spinner.
    orphans: Vec<(&'static P, bool)>,
    /// The parked M that looks after the timers, and until when it sleeps.
    keeper: Option<(&'static M, u64)>,
    /// Ms with a thread.
    pub(crate) threads: usize,
    /// Ms whose thread has ended; the next new thread takes one of them over, caches and all.
    pub(crate) without_thread: Vec<&'static M>,
    /// Plain threads that are blocked in an operation of ours. Below zero for a moment when the waker was quicker.
    pub(crate) blocked_threads: i64,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle {
    ps: Vec::new(),
    ms: Vec::new(),
    need_p: VecDeque::new(),
    orphans: Vec::new(),
    keeper: None,
    threads: 0,
    without_thread: Vec::new(),
    blocked_threads: 0,
});

/// The scheduler's lock.
pub(crate) fn lock() -> MutexGuard<'static, Idle> {
    IDLE.lock()
}

/// What became of a P that nobody holds. To be finished once the lock is free.
#[derive(Debug)]
#[must_use]
pub(crate) enum Disposed {
    /// It is idle, or sysmon makes an M for it.
    Waits,
    /// It goes to this M.
    To(Wake),
    /// There were too many: what was in it is in the global queue.
    Retired,
}

impl Disposed {
    /// Wakes whoever has something to do now. Without the lock.
    pub(crate) fn finish(self) {
        match self {
            Disposed::Waits => {}
            Disposed::To(wake) => wake.send(),
            Disposed::Retired => submitted(),
        }
    }
}

impl Idle {
    /// Whether no M runs, is about to run, or wants to: every thread of ours sleeps with nothing to do.
    pub(crate) fn all_parked(&self) -> bool {
        // An M on the list whose inbox is not empty has not come to look at it yet: it will, before it sleeps.
        self.ms.len() == self.threads
            && self.need_p.is_empty()
            && self.orphans.is_empty()
            && self.ms.iter().all(|m| m.inbox.is_empty())
    }

    /// Puts a P on the idle list.
    fn push_p(&mut self, p: &'static P) {
        p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
        p.retired.store(false, Ordering::Relaxed); // under the lock
        self.ps.push(p);
        counts::one_more_idle();
    }

    /// Takes an idle P, rather the one that `m` held last.
    pub(super) fn pop_p(&mut self, m: Option<&'static M>) -> Option<&'static P> {
        let own = m.and_then(|m| {
            let last = m.last_p.load(Ordering::Relaxed); // under the lock
            let index = self.ps.iter().position(|&p| core::ptr::eq(p, last))?;
            let by_others = !core::ptr::eq(self.ps[index].last_m.load(Ordering::Relaxed), m); // under the lock
            (!by_others).then_some(index)
        });
        let index = own.or_else(|| self.ps.len().checked_sub(1))?;
        counts::one_less_idle();
        Some(self.ps.swap_remove(index))
    }

    /// Whether some P is idle.
    pub(super) fn has_idle_p(&self) -> bool {
        !self.ps.is_empty()
    }

    /// Puts `m`, which has nothing to do and no P, on the parked list.
    pub(super) fn park(&mut self, m: &'static M) {
        m.state.store(PARKED, Ordering::Relaxed); // under the lock
        self.ms.push(m);
    }

    /// Takes `m` off the parked list.
    pub(super) fn unpark(&mut self, m: &'static M) {
        // From the end: who went to sleep last is woken first.
        if let Some(i) = self.ms.iter().rposition(|&other| core::ptr::eq(other, m)) {
            self.ms.remove(i);
        }
        self.resign(m);
        m.state.store(RUNNING, Ordering::Relaxed); // under the lock
    }

    /// `m` looks after the timers no longer.
    pub(super) fn resign(&mut self, m: &'static M) {
        if self.keeper.is_some_and(|(keeper, _)| core::ptr::eq(keeper, m)) {
            self.set_keeper(None);
        }
    }

    /// The parked M that looks after the timers, and until when it sleeps.
    pub(super) fn keeper(&self) -> Option<(&'static M, u64)> {
        self.keeper
    }

    /// From now on this M looks after the timers.
    pub(super) fn set_keeper(&mut self, keeper: Option<(&'static M, u64)>) {
        self.keeper = keeper;
        timers::note_keeper(keeper.map_or(NEVER, |(_, until)| until));
    }

    /// The M that went to sleep last, of those that run what others could.
    pub(super) fn parked_last(&self) -> Option<&'static M> {
        self.ms.iter().rev().copied().find(|m| !m.exclusive())
    }

    /// Queues `m`, which has something to run, for a P.
    pub(super) fn queue_for_p(&mut self, m: &'static M) {
        m.state.store(NEEDS_P, Ordering::Relaxed); // under the lock
        self.need_p.push_back(m);
        counts::one_more_needs_p();
    }

    /// Whether an M waits for a P.
    pub(super) fn somebody_needs_p(&self) -> bool {
        !self.need_p.is_empty()
    }

    /// Gives a P that nobody holds to the first M that needs one, or to the idle list. Retires it when there are too many.
    pub(super) fn dispose_p(&mut self, p: &'static P) -> Disposed {
        if p.id >= gomaxprocs() {
            retire(p);
            return Disposed::Retired;
        }
        match self.need_p.pop_front() {
            Some(m) => {
                counts::one_less_needs_p();
                m.state.store(RUNNING, Ordering::Relaxed); // under the lock
                Disposed::To(Wake { m, p })
            }
            None => {
                self.push_p(p);
                Disposed::Waits
            }
        }
    }

    /// Finds an M for a P that has work; sysmon makes one if there is none.
    pub(super) fn start_m(&mut self, p: &'static P, spinning: bool) -> Disposed {
        p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
        let last = p.last_m.load(Ordering::Relaxed); // under the lock
        let fit = |m: &&'static M| !m.exclusive();
        let keeper = self.keeper.map(|(m, _)| m);
        let is_keeper = |m: &M| keeper.is_some_and(|keeper| core::ptr::eq(keeper, m));
        let fitting = || self.ms.iter().rev().copied().filter(fit);
        // Only those that are asked whether they fit are touched: all the others sleep, and are far from this CPU.
        let held_it_last = self.ms.iter().copied().find(|&m| core::ptr::eq(m, last));
        let m = held_it_last
            .filter(fit)
            .or_else(|| fitting().find(|m| !is_keeper(m)))
            .or_else(|| fitting().next());
        match m {
            Some(m) => {
                self.unpark(m);
                m.spinning.set(spinning);
                Disposed::To(Wake { m, p })
            }
            None => {
                self.orphans.push((p, spinning));
                sysmon::poke();
                Disposed::Waits
            }
        }
    }

    /// Takes a P that waits for a new M.
    pub(super) fn pop_orphan(&mut self) -> Option<(&'static P, bool)> {
        self.orphans.pop()
    }

    /// As [`pop_orphan`](Self::pop_orphan), for the M that sysmon is about to make: it counts from now on.
    pub(crate) fn adopt_orphan(&mut self) -> Option<(&'static P, bool)> {
        let orphan = self.orphans.pop()?;
        self.threads += 1;
        Some(orphan)
    }

    /// Adds Ps when GOMAXPROCS has grown from `old` to `n`: those that are new or were retired.
    fn adopt_ps(&mut self, old: usize, n: usize) -> Vec<Disposed> {
        let retired = |p: &&'static P| p.retired.swap(false, Ordering::Relaxed); // under the lock
        (old..n).map(p::get).filter(retired).map(|p| self.dispose_p(p)).collect()
    }

    /// Retires the idle Ps that are too many now that GOMAXPROCS is `n`.
    fn retire_idle_ps(&mut self, n: usize) {
        let (keep, surplus): (Vec<_>, Vec<_>) = self.ps.drain(..).partition(|p| p.id < n);
        self.ps = keep;
        for p in surplus {
            counts::one_less_idle();
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
    fn send(self) {
        self.m.called_at.store(clock::ticks(), Ordering::Relaxed); // published by the next line
        // Release: pairs with the Acquire in `take_next_p`.
        self.m.next_p.store(core::ptr::from_ref(self.p).cast_mut(), Ordering::Release);
        // SAFETY: Ms are never freed.
        unsafe { Note::wakeup(&raw const self.m.note) };
    }
}

/// The P that a woken M was given.
pub(super) fn take_next_p(m: &'static M) -> bool {
    // Acquire: pairs with the Release in `Wake::send`.
    let p = m.next_p.swap(core::ptr::null_mut(), Ordering::Acquire);
    // SAFETY: null, or a P, which is never freed.
    let Some(p) = (unsafe { p.as_ref() }) else { return false };
    assign(m, p);
    true
}

/// Makes `m` hold `p`. On the thread of `m`.
pub(crate) fn assign(m: &'static M, p: &'static P) {
    p.last_m.store(core::ptr::from_ref(m).cast_mut(), Ordering::Relaxed); // read under the lock, while idle
    p.m.store(core::ptr::from_ref(m).cast_mut(), Ordering::Release); // pairs with sysmon's Acquire
    m.p.store(core::ptr::from_ref(p).cast_mut(), Ordering::Relaxed); // this thread's own
    m.last_p.store(core::ptr::from_ref(p).cast_mut(), Ordering::Relaxed); // read under the lock, while it sleeps
    m.p_since.set(clock::ticks());
    m.not_clear();
    sysmon::somebody_runs();
}

/// Moves the goroutines of a P that is too many to the global queue. Its timers stay: every M looks at all timers.
fn retire(p: &'static P) {
    p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
    p.retired.store(true, Ordering::Relaxed); // under the lock
    // SAFETY: nobody holds the P: its holder has just given it up, under the lock.
    let private = unsafe { p.private() };
    let mut fresh = core::iter::from_fn(|| private.fresh.pop_oldest()).map(Runnable::unstarted);
    if let Some(chain) = Chain::link(&mut fresh) {
        global_push(chain);
    }
    p.note_len(0);
    while let Some(chain) = p.steal() {
        global_push(chain);
    }
}

/// Wakes one M as a spinner, unless one spins already or no P is idle. After publishing work and a SeqCst fence.
#[cold]
pub(crate) fn wake_p() {
    loop {
        let counts = Counts::exact();
        if counts.spinning() != 0 || counts.idle() == 0 {
            return;
        }
        // Whoever has changed the counts meanwhile need not have been a waker: look again.
        if counts.claim_waker() {
            break;
        }
    }
    let mut idle = lock();
    let started = match idle.pop_p(None) {
        Some(p) => idle.start_m(p, true),
        None => {
            counts::one_less_spinning(); // no M came of it
            Disposed::Waits
        }
    };
    drop(idle);
    started.finish();
}

/// After submitting work: makes it visible, then wakes.
#[inline]
pub(crate) fn submitted() {
    fence(Ordering::SeqCst); // StoreLoad against `stop_m`: "submitting work"
    if Counts::glance().idle() != 0 {
        wake_p();
    }
}

/// For who has pushed onto a sleeping M's inbox: gives that M a P, or a place in the queue for one.
#[cold]
pub(crate) fn wake_m(m: &'static M) {
    let mut idle = lock();
    if m.state.load(Ordering::Relaxed) != PARKED {
        return; // it wakes up anyway and will look at its inbox
    }
    idle.unpark(m);
    let woken = match idle.pop_p(Some(m)) {
        Some(p) => Disposed::To(Wake { m, p }),
        None => {
            idle.queue_for_p(m);
            Disposed::Waits
        }
    };
    drop(idle);
    woken.finish();
}

/// Whether some other M could find work right now.
pub(crate) fn anything_to_steal() -> bool {
    !global_is_empty() || p::any_shared(gomaxprocs())
}

/// Changes GOMAXPROCS because the user says so: it follows the CPUs no longer. Returns what it was.
pub(crate) fn set_gomaxprocs(n: usize) -> usize {
    change_gomaxprocs(lock(), n, false)
}

/// Changes GOMAXPROCS to what the CPUs allow, and follows them from now on.
pub(crate) fn set_default_gomaxprocs(n: usize) {
    change_gomaxprocs(lock(), n, true);
}

/// Changes GOMAXPROCS because the CPUs have changed, if it still follows them.
pub(crate) fn follow_cpus(n: usize) {
    let idle = lock();
    if FOLLOWS_CPUS.load(Ordering::Relaxed) && n != gomaxprocs() {
        // Relaxed: under the lock
        change_gomaxprocs(idle, n, true);
    }
}

/// Takes effect within about a slice: an M that holds a P too many gives it up at its next pick.
fn change_gomaxprocs(mut idle: MutexGuard<'static, Idle>, n: usize, follow: bool) -> usize {
    p::ensure(n); // before anybody can read the new number: it says which Ps exist
    FOLLOWS_CPUS.store(follow, Ordering::Relaxed); // under the lock
    let old = GOMAXPROCS.swap(n, Ordering::Release); // pairs with the Acquire in `gomaxprocs`
    idle.retire_idle_ps(n);
    let disposed = idle.adopt_ps(old, n);
    drop(idle);
    disposed.into_iter().for_each(Disposed::finish);
    submitted(); // what was in retired Ps is in the global queue now
    old
}

/// sysmon has taken `p` from its M: somebody else gets it, an M that needs one first, else a parked or a new one.
pub(crate) fn handoff_p(p: &'static P) {
    let mut idle = lock();
    p.m.store(core::ptr::null_mut(), Ordering::Relaxed); // under the lock
    let to_waiter = p.id >= gomaxprocs() || idle.somebody_needs_p();
    let disposed = if to_waiter { idle.dispose_p(p) } else { idle.start_m(p, false) };
    drop(idle);
    disposed.finish();
}
