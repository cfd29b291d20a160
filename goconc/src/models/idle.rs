//! Mirrors `sched::idle` and `sched::stop`, and the order of looks in `sched::find`: no work waits while a P is idle and an
//! M parked, and no M sleeps on an inbox that is not empty.
//!
//! A goroutine, once found, runs for ever: its M keeps its P and never looks again. So every piece of work needs an M of
//! its own, woken in time; one wake-up too few, and the M that should have had it sleeps for ever, which loom reports as a
//! deadlock. Spinning is one look. Published work is a queue of two indices with the fence of crossbeam's `is_empty`.
//!
//! Flaws, with which a scene fails:
//!  - `fence`: `submitted` has no fence;
//!  - `last look`: `stop_m` does not look once more;
//!  - `spinner`: `stop_m`, which found something at its last look, goes on as no spinner, so that nobody wakes the next;
//!  - `bit`: the last look finds something and leaves the bit clear, by which thieves find it;
//!  - `hand on`: a spinner that has found work does not look whether there is more;
//!  - `own work`: an M that was woken as a spinner and finds work of its own stays counted;
//!  - `orphan`: an M that takes an orphan is not counted any more, and has not looked;
//!  - `give up`: a spinner that gives up a P too many parks and stays counted;
//!  - `retire`: what was in a P too many goes to the global queue, and nobody is told;
//!  - `carry`: a thief publishes again what it has taken too much of, and tells nobody;
//!  - `inbox`: the push that finds an M asleep does not wake it;
//!  - `mark`: an M sleeps without a look at its inbox;
//!  - `queue`: an M that has something in its inbox and finds no idle P parks instead of queueing for one.

use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::Arc;

use loom::cell::Cell;
use loom::sync::{Mutex, MutexGuard};
use loom::thread;

use crate::models::{Flaw, Signal};
use crate::queue::inbox::{Inbox, Node, Pushed};
use crate::sys::atomic::{AtomicUsize, fence};

const IDLE_ONE: usize = 1;
const SPINNING_ONE: usize = 1 << 8;
const NEED_P_ONE: usize = 1 << 16;
const FIELD: usize = 0xFF;

fn idle_of(counts: usize) -> usize {
    counts & FIELD
}

fn spinning_of(counts: usize) -> usize {
    (counts / SPINNING_ONE) & FIELD
}

/// By its number.
type P = usize;
/// By its number.
type M = usize;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Parked,
    NeedsP,
}

#[derive(Default)]
struct Idle {
    ps: Vec<P>,
    ms: Vec<M>,
    need_p: Vec<M>,
    orphans: Vec<(P, bool)>,
}

struct MState {
    /// Guarded by the lock.
    state: Cell<State>,
    spinning: Cell<bool>,
    inbox: Inbox,
    node: Node,
    note: Signal,
    next_p: AtomicUsize,
}

/// A P's published chains: how many were pushed and taken; and the bit that says that there may be some, which is set from
/// earlier ones. (The global queue is the same without the bit.)
struct Shared {
    front: AtomicUsize,
    back: AtomicUsize,
    bit: AtomicUsize,
}

impl Shared {
    fn new() -> Shared {
        Shared { front: AtomicUsize::new(0), back: AtomicUsize::new(0), bit: AtomicUsize::new(1) }
    }

    fn push(&self) {
        self.back.store(self.back.load(Relaxed) + 1, Release); // one pusher
        self.note();
    }

    /// `P::note_surplus`.
    fn note(&self) {
        if self.bit.load(Relaxed) == 0 {
            self.bit.fetch_or(1, Relaxed);
        }
    }

    fn is_empty(&self) -> bool {
        let front = self.front.load(Acquire);
        fence(SeqCst);
        self.back.load(Acquire) <= front
    }

    /// `p::steal_from`.
    fn steal_noted(&self) -> bool {
        if self.bit.load(Relaxed) == 0 {
            return false;
        }
        let stolen = !self.is_empty() && self.steal();
        if !stolen {
            self.bit.fetch_and(0, Relaxed);
            fence(SeqCst);
            if !self.is_empty() {
                self.note();
            }
        }
        stolen
    }

    fn steal(&self) -> bool {
        loop {
            let front = self.front.load(Acquire);
            fence(SeqCst);
            if self.back.load(Acquire) <= front {
                return false;
            }
            if self.front.compare_exchange(front, front + 1, SeqCst, Relaxed).is_ok() {
                return true;
            }
        }
    }
}

struct Wake {
    m: M,
    p: P,
}

struct Sched {
    counts: AtomicUsize,
    idle: Mutex<Idle>,
    ms: [MState; 2],
    shared: Shared,
    /// What a thief has published, in the scene with one.
    carried: Option<Shared>,
    flaw: Flaw,
}

// SAFETY: nodes are touched by the inbox only; the cells are loom's, which checks.
unsafe impl Sync for Sched {}
// SAFETY: as above.
unsafe impl Send for Sched {}

impl Sched {
    /// Both Ms run, the first one as a spinner if `spinning`; `ps` are idle.
    fn new(flaw: Flaw, spinning: bool, ps: Vec<P>) -> Sched {
        let m = |i: usize| MState {
            state: Cell::new(State::Running),
            spinning: Cell::new(i == 0 && spinning),
            inbox: Inbox::new(),
            node: Node::new(i),
            note: Signal::new(),
            next_p: AtomicUsize::new(0),
        };
        let counts = ps.len() * IDLE_ONE + usize::from(spinning) * SPINNING_ONE;
        Sched {
            counts: AtomicUsize::new(counts),
            idle: Mutex::new(Idle { ps, ..Idle::default() }),
            ms: [m(0), m(1)],
            shared: Shared::new(),
            carried: None,
            flaw,
        }
    }

    /// The M has been asleep since before the scene.
    fn parked(mut self, m: M) -> Sched {
        self.idle.get_mut().unwrap().ms.push(m);
        self.ms[m].state.set(State::Parked);
        assert!(self.ms[m].inbox.try_sleep());
        self
    }

    /// `anything_to_steal`.
    fn anything_to_steal(&self) -> bool {
        let any = !self.shared.is_empty();
        if any && !self.flaw.is("bit") {
            self.shared.note();
        }
        any || self.carried.as_ref().is_some_and(|carried| !carried.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap()
    }

    fn push_p(&self, idle: &mut Idle, p: P) {
        idle.ps.push(p);
        self.counts.fetch_add(IDLE_ONE, SeqCst);
    }

    fn pop_p(&self, idle: &mut Idle) -> Option<P> {
        let p = idle.ps.pop()?;
        self.counts.fetch_sub(IDLE_ONE, SeqCst);
        Some(p)
    }

    fn unpark(&self, idle: &mut Idle, m: M) {
        idle.ms.retain(|&other| other != m);
        self.ms[m].state.set(State::Running);
    }

    fn dispose_p(&self, idle: &mut Idle, p: P) -> Option<Wake> {
        if idle.need_p.is_empty() {
            self.push_p(idle, p);
            return None;
        }
        let m = idle.need_p.remove(0);
        self.counts.fetch_sub(NEED_P_ONE, SeqCst);
        self.ms[m].state.set(State::Running);
        Some(Wake { m, p })
    }

    /// No M: the scenes have one for every P, so nobody would make it.
    fn start_m(&self, idle: &mut Idle, p: P, spinning: bool) -> Option<Wake> {
        let Some(&m) = idle.ms.last() else {
            idle.orphans.push((p, spinning));
            return None;
        };
        self.unpark(idle, m);
        self.ms[m].spinning.set(spinning);
        Some(Wake { m, p })
    }

    fn send(&self, wake: Option<Wake>) {
        if let Some(Wake { m, p }) = wake {
            self.ms[m].next_p.store(p + 1, Release);
            self.ms[m].note.wakeup();
        }
    }

    fn wake_p(&self) {
        let counts = self.counts.load(SeqCst);
        if spinning_of(counts) != 0 || idle_of(counts) == 0 {
            return;
        }
        if self.counts.compare_exchange(counts, counts + SPINNING_ONE, SeqCst, Relaxed).is_err() {
            return self.wake_p();
        }
        let mut idle = self.lock();
        let wake = match self.pop_p(&mut idle) {
            Some(p) => self.start_m(&mut idle, p, true),
            None => {
                self.counts.fetch_sub(SPINNING_ONE, SeqCst);
                None
            }
        };
        drop(idle);
        self.send(wake);
    }

    fn submitted(&self) {
        if !self.flaw.is("fence") {
            fence(SeqCst);
        }
        if idle_of(self.counts.load(Relaxed)) != 0 {
            self.wake_p();
        }
    }

    /// `sched::park::push_inbox` and `wake_m`.
    fn push_inbox(&self, m: M) {
        // SAFETY: the scene outlives the threads, and each node is pushed once.
        let pushed = unsafe { self.ms[m].inbox.push(NonNull::from(&self.ms[m].node)) };
        if pushed == Pushed::Awake || self.flaw.is("inbox") {
            return;
        }
        let mut idle = self.lock();
        if self.ms[m].state.get() != State::Parked {
            return;
        }
        self.unpark(&mut idle, m);
        let wake = self.pop_p(&mut idle).map(|p| Wake { m, p });
        if wake.is_none() {
            self.queue_for_p(&mut idle, m);
        }
        drop(idle);
        self.send(wake);
    }

    fn queue_for_p(&self, idle: &mut Idle, m: M) {
        self.ms[m].state.set(State::NeedsP);
        idle.need_p.push(m);
        self.counts.fetch_add(NEED_P_ONE, SeqCst);
    }

    fn stop_spinning(&self, m: M) {
        if self.ms[m].spinning.replace(false) {
            let before = self.counts.fetch_sub(SPINNING_ONE, SeqCst);
            let more = spinning_of(before) == 1 && idle_of(before) != 0 && self.anything_to_steal();
            if more && !self.flaw.is("hand on") {
                self.wake_p();
            }
        }
    }

    fn stop_m(&self, m: M, p: P) -> P {
        let me = &self.ms[m];
        let mut idle = self.lock();
        if let Some((orphan, spinning)) = idle.orphans.pop() {
            let wake = self.dispose_p(&mut idle, p);
            drop(idle);
            if self.flaw.is("orphan") {
                if me.spinning.replace(spinning) {
                    self.counts.fetch_sub(SPINNING_ONE, SeqCst);
                }
            } else {
                self.stop_spinning(m);
                me.spinning.set(spinning);
            }
            self.send(wake);
            return orphan;
        }
        let wake = self.dispose_p(&mut idle, p);
        let was_spinning = me.spinning.replace(false);
        me.state.set(State::Parked);
        idle.ms.push(m);
        drop(idle);
        self.send(wake);
        if was_spinning {
            self.counts.fetch_sub(SPINNING_ONE, SeqCst);
        }
        fence(SeqCst);
        if !self.flaw.is("last look")
            && self.anything_to_steal()
            && let Some(p) = self.unpark_self(m, false)
        {
            if !self.flaw.is("spinner") {
                self.counts.fetch_add(SPINNING_ONE, SeqCst);
                me.spinning.set(true);
            }
            return p;
        }
        self.sleep_on_inbox(m)
    }

    /// The end of `stop_m` and of `stop_m_without_p`.
    fn sleep_on_inbox(&self, m: M) -> P {
        let me = &self.ms[m];
        if me.inbox.try_sleep() || self.flaw.is("mark") {
            let p = self.sleep_m(m);
            me.inbox.wake();
            return p;
        }
        self.unpark_self(m, true).unwrap_or_else(|| self.sleep_m(m))
    }

    fn stop_m_without_p(&self, m: M) -> P {
        let mut idle = self.lock();
        if let Some(p) = self.pop_p(&mut idle) {
            return p;
        }
        self.ms[m].state.set(State::Parked);
        idle.ms.push(m);
        drop(idle);
        self.sleep_on_inbox(m)
    }

    fn unpark_self(&self, m: M, must_run: bool) -> Option<P> {
        let must_run = must_run && !self.flaw.is("queue");
        let mut idle = self.lock();
        if self.ms[m].state.get() != State::Parked {
            return None;
        }
        let p = self.pop_p(&mut idle);
        if p.is_some() || must_run {
            self.unpark(&mut idle, m);
        }
        if p.is_none() && must_run {
            self.queue_for_p(&mut idle, m);
        }
        p
    }

    fn sleep_m(&self, m: M) -> P {
        loop {
            self.ms[m].note.sleep();
            let p = self.ms[m].next_p.swap(0, Acquire);
            if p != 0 {
                return p - 1;
            }
        }
    }

    /// `M::find_runnable`: until it has found something, which then runs for ever.
    fn find(&self, m: M, mut p: P) -> Found {
        loop {
            let mut own = false;
            self.ms[m].inbox.drain(|_| own = true);
            if own {
                if !self.flaw.is("own work") {
                    self.stop_spinning(m);
                }
                return Found::Own;
            }
            if self.shared.steal_noted() || self.carried.as_ref().is_some_and(Shared::steal) {
                self.stop_spinning(m);
                return Found::Shared;
            }
            p = self.stop_m(m, p);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Own,
    Shared,
}

/// Runs `submit` beside two Ms. What they find must be `expected`.
fn scene(
    sched: impl Fn() -> Sched + Sync + Send + 'static,
    ms: [fn(&Sched) -> Found; 2],
    submit: fn(&Sched),
    expected: [usize; 2],
) {
    loom::model(move || {
        let sched = Arc::new(sched());
        let ms = ms.map(|m| {
            let sched = Arc::clone(&sched);
            thread::spawn(move || m(&sched))
        });
        submit(&sched);
        let found = ms.map(|m| m.join().unwrap());
        let count = |what| found.iter().filter(|found| **found == what).count();
        assert_eq!([count(Found::Own), count(Found::Shared)], expected);
        let counts = sched.counts.load(SeqCst);
        assert_eq!(spinning_of(counts), 0, "a spinner is counted that is none");
        assert_eq!(idle_of(counts), sched.lock().ps.len());
    });
}

/// M1, parked since before the scene.
fn parked(sched: &Sched) -> Found {
    let p = sched.sleep_m(1);
    sched.ms[1].inbox.wake();
    sched.find(1, p)
}

/// One chain and one M, which is about to sleep; the other M does without.
fn one_chain(flaw: Flaw) {
    let busy = |sched: &Sched| sched.find(0, 0);
    let submit = |sched: &Sched| {
        sched.shared.push();
        sched.submitted();
    };
    scene(move || Sched::new(flaw, true, vec![]), [busy, |_| Found::Own], submit, [1, 1]);
}

#[test]
fn work_submitted_while_falling_asleep_is_seen() {
    one_chain(Flaw::None);
}

#[test]
#[should_panic]
fn fails_without_the_fence() {
    one_chain(Flaw::Here("fence"));
}

#[test]
#[should_panic]
fn fails_without_the_last_look() {
    one_chain(Flaw::Here("last look"));
}

#[test]
#[should_panic]
fn fails_when_the_last_look_leaves_the_bit_clear() {
    one_chain(Flaw::Here("bit"));
}

/// Two chains, a spinner that is about to give up, and a parked M.
fn two_chains(flaw: Flaw) {
    let spinner = |sched: &Sched| sched.find(0, 0);
    let submit = |sched: &Sched| {
        sched.shared.push();
        sched.shared.push();
        sched.submitted();
    };
    scene(move || Sched::new(flaw, true, vec![1]).parked(1), [spinner, parked], submit, [0, 2]);
}

#[test]
fn a_spinner_wakes_the_next() {
    two_chains(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_the_last_look_makes_no_spinner() {
    two_chains(Flaw::Here("spinner"));
}

#[test]
#[should_panic]
fn fails_when_the_last_spinner_hands_nothing_on() {
    two_chains(Flaw::Here("hand on"));
}

/// A spinner has something in its inbox: it runs that, and a chain that is submitted meanwhile is for the parked M.
fn own_work(flaw: Flaw) {
    let sched = move || {
        let sched = Sched::new(flaw, true, vec![1]).parked(1);
        sched.push_inbox(0);
        sched
    };
    let spinner = |sched: &Sched| sched.find(0, 0);
    let submit = |sched: &Sched| {
        sched.shared.push();
        sched.submitted();
    };
    scene(sched, [spinner, parked], submit, [1, 1]);
}

#[test]
fn a_spinner_with_work_of_its_own_is_none() {
    own_work(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_spinner_with_work_of_its_own_stays_counted() {
    own_work(Flaw::Here("own work"));
}

/// A spinner that is about to sleep takes an orphan, a P with work of its own, while a chain is submitted.
fn orphan(flaw: Flaw) {
    let spinner = |sched: &Sched| {
        let p = sched.stop_m(0, 0);
        if p == 7 {
            sched.stop_spinning(0); // in the orphan
            return Found::Own;
        }
        Found::Shared
    };
    let sched = move || {
        let sched = Sched::new(flaw, true, vec![]).parked(1);
        sched.lock().orphans.push((7, false));
        sched
    };
    let submit = |sched: &Sched| {
        sched.shared.push();
        sched.submitted();
    };
    scene(sched, [spinner, parked], submit, [1, 1]);
}

#[test]
fn a_spinner_that_takes_an_orphan_still_answers_for_the_others() {
    orphan(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_spinner_leaves_with_an_orphan() {
    orphan(Flaw::Here("orphan"));
}

/// A spinner has given up a P too many and parked without one. GOMAXPROCS grows: there is a P for it, and work.
fn give_up(flaw: Flaw) {
    let sched = move || {
        let sched = Sched::new(flaw, true, vec![]);
        // `give_up_p`; there is nothing in the P.
        if !flaw.is("give up") {
            sched.stop_spinning(0);
        }
        sched.parked(0)
    };
    let spinner = |sched: &Sched| {
        let p = sched.sleep_m(0);
        sched.ms[0].inbox.wake();
        sched.find(0, p)
    };
    let submit = |sched: &Sched| {
        let wake = sched.dispose_p(&mut sched.lock(), 2);
        sched.send(wake);
        sched.shared.push();
        sched.submitted();
    };
    scene(sched, [spinner, |_| Found::Own], submit, [1, 1]);
}

#[test]
fn a_spinner_that_gives_up_its_p_is_none() {
    give_up(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_spinner_without_a_p_stays_counted() {
    give_up(Flaw::Here("give up"));
}

/// sysmon retires a P with work in it: the work goes to the global queue, under the lock.
fn retire(flaw: Flaw) {
    let falls_asleep = |sched: &Sched| sched.find(0, 0);
    let submit = |sched: &Sched| {
        let idle = sched.lock();
        sched.shared.push();
        drop(idle);
        if !sched.flaw.is("retire") {
            sched.submitted();
        }
    };
    scene(move || Sched::new(flaw, false, vec![]), [falls_asleep, |_| Found::Own], submit, [1, 1]);
}

#[test]
fn what_was_in_a_p_too_many_is_run() {
    retire(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_nobody_is_told_of_what_was_retired() {
    retire(Flaw::Here("retire"));
}

/// A thief takes two chains at once, one of them to be published again, while another M falls asleep.
fn carried(flaw: Flaw) {
    let sched = move || {
        let mut sched = Sched::new(flaw, false, vec![]);
        sched.carried = Some(Shared::new());
        sched.shared.push();
        sched.shared.push();
        sched
    };
    // `steal_half`
    let thief = |sched: &Sched| {
        assert!(sched.shared.steal(), "the other M has taken both");
        if sched.shared.steal() {
            sched.carried.as_ref().unwrap().push();
            if !sched.flaw.is("carry") {
                sched.submitted();
            }
        }
        Found::Shared
    };
    let falls_asleep = |sched: &Sched| sched.find(1, 1);
    scene(sched, [thief, falls_asleep], |_| (), [0, 2]);
}

#[test]
fn what_a_thief_publishes_again_is_run() {
    carried(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_thief_tells_nobody_what_it_publishes() {
    carried(Flaw::Here("carry"));
}

/// One P for two Ms: each has something in its inbox, sooner or later. The P goes from one to the other.
fn one_p(flaw: Flaw) {
    // What is found does not run for ever here: the P goes to whoever needs it.
    fn hand_on(sched: &Sched, found: Found) -> Found {
        let wake = sched.dispose_p(&mut sched.lock(), 0);
        sched.send(wake);
        found
    }
    let first = |sched: &Sched| hand_on(sched, sched.find(0, 0));
    let second = |sched: &Sched| {
        let p = sched.stop_m_without_p(1);
        hand_on(sched, sched.find(1, p))
    };
    let submit = |sched: &Sched| {
        sched.push_inbox(1);
        sched.push_inbox(0);
    };
    scene(move || Sched::new(flaw, false, vec![]), [first, second], submit, [2, 0]);
}

#[test]
fn an_inbox_is_read_and_a_p_found_for_it() {
    one_p(Flaw::None);
}

#[test]
#[should_panic]
fn fails_when_a_push_wakes_nobody() {
    one_p(Flaw::Here("inbox"));
}

#[test]
#[should_panic]
fn fails_when_an_m_sleeps_on_a_full_inbox() {
    one_p(Flaw::Here("mark"));
}

#[test]
#[should_panic]
fn fails_when_an_m_with_work_does_not_queue_for_a_p() {
    one_p(Flaw::Here("queue"));
}
