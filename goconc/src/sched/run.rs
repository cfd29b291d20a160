//! An M's life: find a goroutine, run it until it stops, do what it left to do; again.
//!
//! The M's own stack is what Go calls g0. A goroutine stops by switching to it with a [`Commit`]; what must happen after
//! the goroutine has left its stack (giving back the lock under which it queued itself, above all) happens here. Nobody can
//! make it runnable before that, so nobody can run a stack that is still in use.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

use crate::arch::{Never, Suspender};
use crate::gmp::retake::Entered;
use crate::gmp::{Commit, G, Kind, M, Record, Runnable};
use crate::migration;
use crate::panics;
use crate::sched::park;
use crate::sched::warm;
use crate::stack::{self, Class, Slot};
use crate::sys::spin::ByteLock;
use crate::sys::throw::fatal;

/// New slots are taken up to this many at a time: one system call guards them all.
const SLOT_BATCH: usize = 64;
/// Dead goroutines an M keeps before half of them go to the depot.
const DEAD_MAX: usize = 512;

/// Dead goroutines that no M keeps. They are added and taken at the end; sysmon trims from the front.
struct Depot {
    dead: Vec<&'static G>,
    /// The first so many hold one page each.
    trimmed: usize,
}

/// One depot a class.
static DEPOTS: [Mutex<Depot>; Class::COUNT] =
    [const { Mutex::new(Depot { dead: Vec::new(), trimmed: 0 }) }; Class::COUNT];

impl M {
    /// Runs goroutines until one has ended that was locked to the thread. The M is in the runtime and on its own stack.
    pub(crate) fn run(&'static self) {
        loop {
            let next = self.find_runnable();
            if self.execute(next) == Then::Leave {
                return;
            }
        }
    }

    /// Runs one goroutine until it stops.
    #[inline]
    pub(crate) fn execute(&'static self, next: Runnable) -> Then {
        let g = match next.kind() {
            Kind::Unstarted(record) => self.start(record),
            Kind::Started(g) => {
                if !core::ptr::eq(g.m(), self) && !self.take_over(g) {
                    return Then::Stay;
                }
                g.now_running();
                g
            }
        };
        self.running.store(core::ptr::from_ref(g).cast_mut(), Ordering::Relaxed); // for dumps and sysmon's words
        self.retake.exit();
        // SAFETY: it came from a queue, so it is ours; it is at home here, or `take_over` has allowed the move.
        unsafe { g.resume() };
        // Whoever suspends has entered the runtime first; whether the P is still ours, `find_runnable` looks.
        match g.commit.get() {
            Commit::Nothing => {}
            // SAFETY: the goroutine took this lock and left it to us.
            Commit::Unlock(lock) => unsafe { ByteLock::unlock(lock.as_ptr()) },
            Commit::Call(f, arg) => f(arg),
            // SAFETY: we are this M, in the runtime.
            Commit::Gosched => unsafe { self.home() }.push_back(g),
            Commit::Exit => return self.bury(g),
        }
        Then::Stay
    }

    /// A started goroutine that is at home elsewhere has come to us: may it move? If not, it goes back to its home.
    #[cold]
    fn take_over(&'static self, g: &'static G) -> bool {
        let home = g.m();
        if !self.exclusive() && may_move(g, home) {
            g.set_m(self);
            self.count(&self.moved_in);
            // Relaxed: the other M counts who is at home when it is about to end; one that leaves now only delays that.
            home.moved_out.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        park::push_inbox(home, NonNull::from(g.node()));
        false
    }

    /// Gives an unstarted goroutine a stack.
    #[inline]
    fn start(&'static self, record: NonNull<Record>) -> &'static G {
        // SAFETY: we took the record from a queue.
        let class = unsafe { record.as_ref() }.class();
        // SAFETY: this is the M's own thread.
        let g = match unsafe { self.own() }.dead[class.index()].pop() {
            Some(g) => g,
            None => self.fresh_g(class),
        };
        g.set_m(self);
        self.count(&self.begun);
        g.adopt(record);
        g
    }

    #[cold]
    fn fresh_g(&'static self, class: Class) -> &'static G {
        // SAFETY: this is the M's own thread.
        let own = unsafe { self.own() };
        let dead = &mut own.dead[class.index()];
        {
            let mut depot = DEPOTS[class.index()].lock();
            let from = depot.dead.len().saturating_sub(DEAD_MAX / 2);
            dead.extend(depot.dead.drain(from..));
            depot.trimmed = depot.trimmed.min(from);
        }
        if let Some(g) = dead.pop() {
            return g;
        }
        let unused = &mut own.unused[class.index()];
        if unused.is_empty() {
            // Few at first: an M that runs one goroutine should not hold the stacks of many.
            own.slot_batch = (own.slot_batch * 2).min(SLOT_BATCH);
            *unused = take_slots(class, own.slot_batch);
        }
        match unused.pop() {
            Some(slot) => G::init(slot, entry),
            None => fatal(format_args!("no stack for a goroutine")),
        }
    }

    /// A goroutine has ended: its stack is the next one used.
    #[inline]
    fn bury(&'static self, g: &'static G) -> Then {
        g.now_dead();
        self.count(&self.ended);
        let class = g.slot().map_or(stack::default_class(), |slot| slot.class());
        // SAFETY: this is the M's own thread.
        let dead = &mut unsafe { self.own() }.dead[class.index()];
        dead.push(g);
        if dead.len() > DEAD_MAX {
            DEPOTS[class.index()].lock().dead.extend(dead.drain(..DEAD_MAX / 2));
        }
        // Relaxed: the goroutine was ours until now.
        if g.locked.swap(0, Ordering::Relaxed) == 0 { Then::Stay } else { self.locked_one_ended() }
    }

    /// A goroutine has ended while locked: its thread may be in any state (that is what locking is for) and starts no other
    /// one. It ends, unless it is the main thread, or goroutines are at home on it, which go on here.
    #[cold]
    fn locked_one_ended(&'static self) -> Then {
        if self.is_main.get() || self.at_home() != 0 { Then::Stay } else { Then::Leave }
    }
}

/// What an M does after a goroutine has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Looks for the next one.
    Stay,
    /// Ends.
    Leave,
}

/// Gives the memory of dead goroutines' stacks back, except the page of the header, a few at a time. False: nothing left.
/// Called by sysmon when nothing runs.
pub(crate) fn trim_some() -> bool {
    const AT_ONCE: usize = 64; // under the lock, about 1 us each
    let mut more = false;
    for depot in &DEPOTS {
        let mut depot = depot.lock();
        let end = depot.dead.len().min(depot.trimmed + AT_ONCE);
        for g in &depot.dead[depot.trimmed..end] {
            if let Some(slot) = g.slot() {
                // The coroutine waits for its next goroutine near its base, in the page of the header.
                // SAFETY: the goroutine is dead and in the depot, whose lock we hold; below its stack pointer is nothing.
                let _ = unsafe { stack::discard_below(slot, g.parked_sp()) };
            }
        }
        depot.trimmed = end;
        more |= end < depot.dead.len();
    }
    more
}

fn take_slots(class: Class, batch: usize) -> Vec<Slot> {
    let batch = if class.size() > 1 << 20 { batch.min(4) } else { batch };
    warm::take_slots(class, batch)
        .unwrap_or_else(|error| fatal(format_args!("runtime: cannot get a stack for a goroutine: {error}")))
}

/// Whether a parked goroutine may go on on another thread than its home. Called by the M that wants it, which owns it.
fn may_move(g: &'static G, home: &'static M) -> bool {
    if g.stays_home() {
        return false;
    }
    // SAFETY: we own a goroutine that is at home there.
    let Some(thread) = (unsafe { home.thread() }) else {
        return false;
    };
    // SAFETY: we own the goroutine and it is not running.
    let stack = unsafe { g.parked_stack() };
    migration::may_move(stack, &thread)
}

/// The body of every stack: runs one goroutine after the other, for ever.
fn entry(header: NonNull<u8>, suspender: Suspender) -> Never {
    // SAFETY: `G::init` passes the address of the header that it has just made.
    let g: &'static G = unsafe { header.cast::<G>().as_ref() };
    g.set_suspender(suspender);
    loop {
        run_one(g);
        let entered = g.m().retake.enter(); // if the P is gone: `find_runnable` looks
        if entered == Entered::Undisturbed && begin_next_here(g) {
            continue;
        }
        g.commit.set(Commit::Exit);
        g.switch();
    }
}

/// A goroutine has ended: if the next one to run has not begun yet, and wants such a stack, it begins on this very one. That
/// saves two switches and the way of the stack through the free list. False: the M must look itself.
#[inline]
fn begin_next_here(g: &'static G) -> bool {
    let m = g.m();
    // Relaxed: our own.
    if g.locked.load(Ordering::Relaxed) != 0 {
        return false;
    }
    let class = g.slot().map_or(stack::default_class(), |slot| slot.class());
    let Some(record) = m.next_unstarted(class) else { return false };
    g.now_dead();
    m.count(&m.ended);
    m.count(&m.begun);
    g.adopt(record);
    m.retake.exit();
    true
}

fn run_one(g: &'static G) {
    let Some(record) = g.record.take() else {
        crate::sys::throw::throw("run: a goroutine without a record");
    };
    let body = || {
        // SAFETY: the record was filled and comes from a queue; it is run once, by a goroutine of this M.
        unsafe { Record::run(record, g.m()) };
    };
    run_root(g, body);
    // SAFETY: only this goroutine touches its locals.
    if !unsafe { &*g.locals.get() }.is_empty() {
        drop_locals(g);
    }
}

/// Runs what may panic, at the root of a goroutine's stack. What nobody has recovered ends the process.
#[inline(always)]
fn run_root(g: &'static G, body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        panics::end_of_goroutine(g, payload);
    }
    panics::forget(g);
}

/// Goroutine-locals are dropped on the goroutine's own stack, newest first, while it can still park.
#[cold]
fn drop_locals(g: &'static G) {
    loop {
        // SAFETY: only this goroutine touches its locals, and no reference outlives the statement.
        let last = unsafe { &mut *g.locals.get() }.pop();
        match last {
            None => break,
            Some((_, value)) => run_root(g, || drop(value)),
        }
    }
}

/// The kernel gives us no more threads.
#[cold]
pub(crate) fn no_thread(error: &std::io::Error) -> ! {
    let have = crate::gmp::m::count() - 1;
    crate::sys::throw::write_all(
        format!(
            "runtime: failed to create new OS thread (have {have} already): {error}\n\
             runtime: may need to increase max user processes (ulimit -u) or memory (ulimit -v)\n"
        )
        .as_bytes(),
    );
    fatal(format_args!("newosproc"))
}
