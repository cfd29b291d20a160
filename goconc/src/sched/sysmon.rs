//! sysmon: the thread without a P that watches the others.
//!
//! * It takes the P from an M that has been in user code for 10 ms, or that is blocked in the kernel, and gives it to an M
//!   that can use it. No annotation is needed: any system call, lock or computation of any library counts.
//! * It makes all Ms: their threads are clones of its own, which no user code has ever modified.
//! * It has each M whose goroutines stay long look around once in a round, should that be soon or not by its own count.
//! * It is the safety net of timers when every M that should look after them is in user code.
//! * It keeps the coarse clock, starts the migration proof, prints `schedtrace`, reports stalls, answers SIGQUIT.
//!
//! It sleeps 50 us at first, up to 10 ms when it finds nothing to do, and without end when every P is idle.

use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};

use crate::dump;
use crate::gmp::retake::{self, Fenced, Wanted};
use crate::gmp::{Chain, M, P, Runnable, m, p};
use crate::migration;
use crate::queue::ring::Ring;
use crate::sched::counts::Counts;
use crate::sched::share::SHORT_RUN_NS;
use crate::sched::{dead, global_is_empty, global_push, gomaxprocs, idle, run, share, spawn, start, timers};
use crate::sys::env::options;
use crate::sys::note::Note;
use crate::sys::throw::{Stderr, exit_crash};
use crate::sys::{clock, thread};
use crate::timer::NEVER;

const SHORTEST_NAP: u64 = 50_000;
const LONGEST_NAP: u64 = 10_000_000;
/// Naps without work before they grow.
const SHORT_NAPS: u32 = 50;
/// An M in user code for so long gives up its P to whoever waits.
const LONG: u64 = 10_000_000;
/// So long when it is blocked in the kernel, or when other Ps are idle and it has work for them.
const BLOCKED: u64 = 200_000;
/// So long, and the goroutines that wait for it are worth a message.
const STALL: u64 = 100_000_000;

static NOTE: Note = Note::new();
/// Whether it sleeps without end, or nearly.
static DEEP: AtomicBool = AtomicBool::new(false);
static QUIT: AtomicBool = AtomicBool::new(false);
/// 0: it runs, 1: somebody has poked it already.
static POKED: AtomicU8 = AtomicU8::new(0);
/// Threads of ours that are neither Ms nor blocked users: sysmon, the proof, helpers of `blocking`. Each counts itself, as
/// the first thing it does, and no longer counts when it is about to end: one too few delays a deadlock report, one too many
/// would make a false one.
pub(crate) static HELPERS: Helpers = Helpers(AtomicU64::new(0));

/// How many helpers there are, in the lower half, and how often that has changed, in the upper one: who looks twice and finds
/// the same knows that none has come or gone in between.
#[derive(Debug)]
pub(crate) struct Helpers(AtomicU64);

impl Helpers {
    const CHANGE: u64 = 1 << 32;

    /// The calling thread is one: the first thing that it does.
    pub(crate) fn begin(&self) {
        self.0.fetch_add(Self::CHANGE + 1, Ordering::SeqCst); // read by `dead::check`
    }

    /// The calling thread is about to end. The kernel sees it a moment longer.
    pub(crate) fn end(&self) {
        self.0.fetch_add(Self::CHANGE - 1, Ordering::SeqCst); // as in `begin`
    }

    /// Both halves.
    pub(crate) fn look(&self) -> u64 {
        self.0.load(Ordering::SeqCst) // pairs with `begin` and `end`
    }

    /// How many there were.
    pub(crate) fn number(look: u64) -> usize {
        (look % Self::CHANGE) as usize
    }
}

/// Has it look around now. Async-signal-safe.
pub(crate) fn poke() {
    // AcqRel: what was asked for before is seen by the nap's end, which clears it.
    if POKED.swap(1, Ordering::AcqRel) == 0 {
        // SAFETY: the note is static.
        unsafe { Note::wakeup(&raw const NOTE) };
    }
}

/// An M has just begun to run: sysmon must watch again.
#[inline]
pub(crate) fn somebody_runs() {
    fence(Ordering::SeqCst); // StoreLoad: the M's P left the idle list; pairs with the fence in `nap_deeply`
    if DEEP.load(Ordering::Relaxed) {
        poke();
    }
}

/// Starts the thread.
pub(crate) fn start() {
    let made = std::thread::Builder::new().name("goconc-sysmon".to_owned()).spawn(|| {
        HELPERS.begin();
        listen_for_quit();
        Sysmon::new().watch();
    });
    if let Err(error) = made {
        run::no_thread(&error);
    }
}

/// Proves, beside the program, that goroutines may move. A thread of its own: reading the symbols takes milliseconds.
fn start_proof() {
    let proof = || {
        HELPERS.begin();
        migration::run_proof();
        if options().migration {
            let _ = writeln!(Stderr, "goconc: migration: {}", migration::describe());
            for (name, why) in migration::harmless() {
                let _ = writeln!(Stderr, "goconc: harmless thread-local: {name}: {why}");
            }
        }
        HELPERS.end();
    };
    let made = std::thread::Builder::new().name("goconc-proof".to_owned()).spawn(proof);
    if let Err(error) = made {
        run::no_thread(&error);
    }
}

extern "C" fn on_quit(_: libc::c_int) {
    QUIT.store(true, Ordering::Relaxed); // `poke` carries the order
    poke();
}

/// SIGQUIT prints all goroutines and ends the process, unless the program has its own idea of it.
///
/// Ms do not block signals: what they block, the processes that a program starts would inherit. A handler without an
/// alternate stack may therefore run on a goroutine's stack; a few KiB of it, which is what handlers use.
fn listen_for_quit() {
    // SAFETY: zeroed is a valid sigaction: no flags, an empty mask, the default action.
    let mut old: libc::sigaction = unsafe { core::mem::zeroed() };
    // SAFETY: reads the present action into `old`.
    let known = unsafe { libc::sigaction(libc::SIGQUIT, core::ptr::null(), &raw mut old) } == 0;
    // Ignored, too, as in Go: a shell starts its background jobs so.
    if known && matches!(old.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        let mut action = old;
        action.sa_sigaction = on_quit as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: the handler is async-signal-safe: two atomics and a futex call.
        unsafe { libc::sigaction(libc::SIGQUIT, &raw const action, core::ptr::null_mut()) };
    }
    thread::unblock_quit();
}

/// What sysmon saw of a P the last time something changed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    tick: u32,
    m: usize,
    since: u64,
}

struct Sysmon {
    seen: Vec<Seen>,
    nap: u64,
    idle_naps: u32,
    proved: bool,
    traced_at: u64,
    cpus_seen: u64,
    lonely_check: u64,
}

impl Sysmon {
    fn new() -> Sysmon {
        Sysmon {
            seen: Vec::new(),
            nap: SHORTEST_NAP,
            idle_naps: 0,
            proved: false,
            traced_at: 0,
            cpus_seen: 0,
            lonely_check: LONGEST_NAP,
        }
    }

    fn watch(&mut self) {
        loop {
            self.nap();
            let now = clock::tick_coarse();
            if QUIT.swap(false, Ordering::Relaxed) {
                quit();
            }
            make_ms();
            if !self.proved {
                self.proved = true;
                start_proof();
            }
            let did_something = self.retake(now) | overdue_timers(now);
            self.idle_naps = if did_something { 0 } else { self.idle_naps + 1 };
            self.trace(now);
            self.look_at_cpus(now);
        }
    }

    /// Once a second, while anything runs: affinity or quota may have changed.
    fn look_at_cpus(&mut self, now: u64) {
        if now - self.cpus_seen >= 1_000_000_000 {
            self.cpus_seen = now;
            idle::follow_cpus(start::default_procs());
        }
    }

    fn nap(&mut self) {
        let all_idle = nobody_runs();
        if all_idle && self.idle_naps > SHORT_NAPS && run::trim_some() {
            return; // look around between two portions
        }
        if all_idle && self.idle_naps > SHORT_NAPS && self.proved && options().schedtrace == 0 {
            return self.nap_deeply();
        }
        self.nap = if self.idle_naps < SHORT_NAPS { SHORTEST_NAP } else { (self.nap * 2).min(LONGEST_NAP) };
        let now = clock::nanos();
        let next = timers::next();
        // Not later than a timer that is due meanwhile. One that is overdue waits for a P, which takes as long as it takes.
        let until = if next > now { next.max(now + SHORTEST_NAP) } else { NEVER };
        NOTE.sleep_until(until.min(now + self.nap));
        POKED.store(0, Ordering::Release); // pairs with the swap in `poke`: who comes later pokes again
    }

    /// Every P is idle: sleeps until somebody runs. If all goroutines wait and only plain threads could wake them, looks
    /// from time to time whether those are still there.
    fn nap_deeply(&mut self) {
        DEEP.store(true, Ordering::Relaxed); // the fence below orders it
        fence(Ordering::SeqCst); // pairs with the fence in `somebody_runs`
        let mut deadline = NEVER;
        if dead::is_suspicious() {
            dead::check();
            self.lonely_check = (self.lonely_check * 2).min(1_000_000_000);
            deadline = clock::nanos() + self.lonely_check;
        } else {
            self.lonely_check = LONGEST_NAP;
        }
        let woken = !nobody_runs() || NOTE.sleep_until(deadline);
        DEEP.store(false, Ordering::Relaxed); // an extra poke does no harm
        POKED.store(0, Ordering::Release); // as in `nap`
        if woken {
            (self.idle_naps, self.nap) = (0, SHORTEST_NAP);
        }
    }

    /// Takes Ps from Ms that are stuck in user code. True: took one. All of them are asked at once: the fence that it takes
    /// interrupts every CPU on which the process runs.
    fn retake(&mut self, now: u64) -> bool {
        let (mut asked, mut stalls) = (Vec::new(), Vec::new());
        for (i, p) in p::all().enumerate() {
            if self.seen.len() == i {
                self.seen.push(Seen::default());
            }
            // SAFETY: null, or an M, which is never freed. Acquire: pairs with the Release in `assign`.
            let Some(m) = (unsafe { p.m.load(Ordering::Acquire).as_ref() }) else {
                continue;
            };
            let tick = m.picks(); // a hint
            let seen = &mut self.seen[i];
            if seen.tick != tick || seen.m != m.id {
                let picks = u64::from(tick.wrapping_sub(seen.tick));
                if seen.m == m.id && picks * SHORT_RUN_NS < now - seen.since {
                    m.look_around_soon(); // its runs may have become long since it decided when to
                }
                *seen = Seen { tick, m: m.id, since: now };
                continue;
            }
            let stuck = now - seen.since;
            if stuck >= BLOCKED && m.retake.in_user_code() {
                asked.extend(Asked::ask(p, m, stuck, now));
            }
            if options().stalls {
                stalls.push((m, stuck));
            }
        }
        let mut took = false;
        if !asked.is_empty() {
            let fenced = retake::everywhere();
            for asked in asked {
                let i = asked.p.id;
                if asked.take(&fenced, now) {
                    took = true;
                    // Whoever has lost it may have it back before we look again, and not have picked anything.
                    self.seen[i].since = now;
                }
            }
        }
        stalls.into_iter().for_each(|(m, stuck)| report_stall(m, stuck));
        took
    }

    fn trace(&mut self, now: u64) {
        let every = options().schedtrace.saturating_mul(1_000_000);
        if every != 0 && now - self.traced_at >= every {
            self.traced_at = now;
            schedtrace(now);
        }
    }
}

/// Whether every P is idle and nobody holds one that GOMAXPROCS says is too many.
fn nobody_runs() -> bool {
    // Relaxed: the fences of `nap_deeply` and `somebody_runs` order it.
    Counts::glance().idle() == gomaxprocs() as u64 && p::all().all(|p| p.m.load(Ordering::Relaxed).is_null())
}

/// An M that has been in user code for so long that it is asked for its P.
struct Asked {
    p: &'static P,
    m: &'static M,
    wanted: Wanted<'static>,
}

impl Asked {
    /// Decides whether somebody else could use the P of an M that has been in user code for `stuck` ns, and asks for it.
    fn ask(p: &'static P, m: &'static M, stuck: u64, now: u64) -> Option<Asked> {
        // Its started goroutines may go elsewhere, too, or have napped. Relaxed: a hint, which `publish_home` settles.
        let has_work = p.has_work() || migration::moving() || m.napped.load(Ordering::Relaxed);
        if !(has_work || is_of_use(p, now)) {
            return None;
        }
        let others_idle = has_work && Counts::glance().idle() != 0;
        if stuck < LONG && !others_idle && !thread::is_blocked(m.tid.load(Ordering::Relaxed)) {
            return None;
        }
        Some(Asked { p, m, wanted: m.retake.want()? })
    }

    /// Takes it, if the M still holds it and is still in user code, and if it still is of use: those taken before may have been
    /// enough. True: it did.
    fn take(self, fenced: &Fenced, now: u64) -> bool {
        let Asked { p, m, wanted } = self;
        let Some(taking) = wanted.settle(fenced) else {
            return false;
        };
        let still = m.p().is_some_and(|held| core::ptr::eq(held, p));
        let moved = still && publish_home(m);
        if !still || !(moved || p.has_work() || is_of_use(p, now)) {
            taking.give_back();
            return false;
        }
        m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // the M reads it after `finish`
        m.count(&m.tally.retaken);
        taking.finish();
        idle::handoff_p(p);
        if moved {
            idle::submitted();
        }
        true
    }
}

/// Whether somebody can use the P, even if nothing is in it.
fn is_of_use(p: &'static P, now: u64) -> bool {
    Counts::glance().need_p() != 0 || !global_is_empty() || timers::next() <= now || p.id >= gomaxprocs()
}

/// Under `Taking`: what waits for a stuck M and may go elsewhere goes to the global queue, so many in a piece as an M should take at
/// a time. True: there was something.
fn publish_home(m: &'static M) -> bool {
    // SAFETY: `Taking` keeps the M out of the runtime.
    let home = unsafe { m.home() };
    if !migration::moving() {
        m.napped.store(false, Ordering::Relaxed); // under `Taking`
        return publish_napped(home);
    }
    if let Some(g) = m.runnext.take() {
        home.push_back(Runnable::started(g));
    }
    let before = home.len();
    m.inbox.drain(|item| {
        // SAFETY: the inbox holds Gs only.
        let g = unsafe { m::g_of_item(item) };
        g.now_runnable();
        home.push_back(Runnable::started(g));
    });
    m.count_many(&m.tally.mail, (home.len() - before) as u64);
    let mut all = home.take_from(0);
    let chains = core::iter::from_fn(|| Chain::link(&mut all.by_ref().take(share::SHARED_AT_ONCE)));
    chains.map(global_push).count() != 0
}

/// As [`publish_home`], where what has a stack stays: those that have napped, which are anyone's.
fn publish_napped(home: &mut Ring<Runnable>) -> bool {
    let mut napped = (0..home.len()).filter_map(|_| {
        let next = home.pop_front()?;
        if next.as_started().is_some() {
            home.push_back(next);
            return None;
        }
        Some(next)
    });
    let chains = core::iter::from_fn(|| Chain::link(&mut napped.by_ref().take(share::SHARED_AT_ONCE)));
    chains.map(global_push).count() != 0
}

/// Makes the Ms that were asked for.
fn make_ms() {
    loop {
        let next = idle::lock().adopt_orphan(); // the lock is free again before the thread is made
        match next {
            Some((p, spinning)) => start::new_thread(p, spinning),
            None => break,
        }
    }
}

/// A timer is due, and whoever should have seen it is in user code: another M looks, if a P is idle.
fn overdue_timers(now: u64) -> bool {
    let overdue = timers::next().saturating_add(SHORTEST_NAP) <= now && Counts::glance().idle() != 0;
    if overdue {
        idle::wake_p();
    }
    overdue
}

fn report_stall(m: &'static M, stuck: u64) {
    if stuck < STALL {
        m.stall_reported.store(false, Ordering::Relaxed); // only sysmon uses it
        return;
    }
    if !options().stalls || m.stall_reported.swap(true, Ordering::Relaxed) {
        return;
    }
    let Some(taking) = m.retake.attempt() else { return };
    // SAFETY: `Taking` keeps the M out of the runtime.
    let waiting = unsafe { m.home() }.len() + usize::from(m.runnext.get().is_some());
    let more = if m.inbox.is_empty() { "" } else { " and more" };
    taking.give_back();
    if waiting != 0 || !more.is_empty() {
        dump::stall(&mut Stderr, m, stuck, format_args!("{waiting}{more}"));
    }
}

fn quit() -> ! {
    let _ = writeln!(Stderr, "SIGQUIT: quit\n");
    dump::all_goroutines(&mut Stderr);
    exit_crash()
}

/// One line on the scheduler, as Go's `schedtrace`: the last numbers are the private run queues of the Ps.
fn schedtrace(now: u64) {
    let counts = Counts::glance();
    let _ = write!(
        Stderr,
        "SCHED {}ms: gomaxprocs={} idleprocs={} threads={} spinningthreads={} needp={} goroutines={} [",
        now / 1_000_000,
        gomaxprocs(),
        counts.idle(),
        m::count(),
        counts.spinning(),
        counts.need_p(),
        spawn::live(),
    );
    for p in p::all() {
        let _ = write!(Stderr, " {}", p.fresh_len.load(Ordering::Relaxed)); // a hint
    }
    let _ = writeln!(Stderr, " ]");
    if options().scheddetail {
        scheddetail();
    }
}

/// A line for each P and each M. Blurred, as all of this: it is read while the program runs.
fn scheddetail() {
    for p in p::all() {
        // SAFETY: null, or an M, which is never freed. Acquire: pairs with the Release in `assign`.
        let m = unsafe { p.m.load(Ordering::Acquire).as_ref() };
        let tick = m.map_or(0, M::picks); // for people, as all here
        let (m, fresh) = (m.map_or(-1, |m| m.id as i64), p.fresh_len.load(Ordering::Relaxed));
        let shared = if p.has_shared() { "yes" } else { "no" };
        let _ = writeln!(Stderr, "  P{}: m={m} schedtick={tick} runqsize={fresh} published={shared}", p.id);
    }
    m::for_each(|m| {
        let p = m.p().map_or(-1, |p| p.id as i64);
        // SAFETY: null, or a G, which is never freed. Relaxed: for people.
        let g = unsafe { m.running.load(Ordering::Relaxed).as_ref() };
        let g = g.map_or(0, |g| g.id.load(Ordering::Relaxed));
        let (tid, home) = (m.tid.load(Ordering::Relaxed), m.at_home()); // for people
        let _ = writeln!(Stderr, "  M{}: p={p} tid={tid} lastgoid={g} athome={home}", m.id);
    });
}
