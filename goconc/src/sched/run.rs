//! An M's life: find a goroutine, run it, find another one.
//!
//! The M's own stack is what Go calls g0. A goroutine that stops goes straight to the next one if that is near (`direct`), else
//! to its M's own stack, which is in here.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

use crate::gmp::retake::Entered;
use crate::gmp::{G, How, Kind, M, Record, Runnable, here};
use crate::migration;
use crate::panics;
use crate::sched::park::{self, Stopped};
use crate::sched::warm;
use crate::stack::{self, Class, Slot};
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

    /// Runs a goroutine, and those that follow it, until one finds no next.
    #[inline(never)] // as it sets `here`, which must not happen in another crate
    pub(crate) fn execute(&'static self, next: Runnable) -> Then {
        let g = match next.kind() {
            Kind::Unstarted(record) => self.start(record),
            Kind::Started(g) => {
                if !core::ptr::eq(g.m(), self) && !self.take_over(g) {
                    return Then::Stay;
                }
                g
            }
        };
        self.about_to_run(g);
        here::set(Some(self));
        // SAFETY: it came from a queue, so it is ours; it is at home here, or `take_over` has allowed the move.
        unsafe { g.resume(&self.context) };
        here::set(None);
        self.running.store(core::ptr::null_mut(), Ordering::Relaxed); // for dumps
        // Whoever comes here has entered the runtime first; whether the P is still ours, `find_runnable` looks.
        self.ended_one.take().map_or(Then::Stay, |g| self.bury(g))
    }

    /// The last step in the runtime before `g` goes on on this M.
    #[inline(always)]
    pub(super) fn about_to_run(&self, g: &'static G) {
        self.running.store(core::ptr::from_ref(g).cast_mut(), Ordering::Relaxed); // its own; others only show it
        self.retake.exit();
    }

    /// A started goroutine that is at home elsewhere has come to us: may it move? If not, it goes back to its home.
    #[cold]
    fn take_over(&'static self, g: &'static G) -> bool {
        let home = g.m();
        wait_until_off_stack(g);
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
        let r = unsafe { record.as_ref() };
        let class = r.class();
        let g =
            self.start_on_dead(record, class).unwrap_or_else(|| self.start_on(self.fresh_g(class), record));
        if r.has_name() {
            g.adopt_name(record);
        }
        g
    }

    /// Gives an unstarted goroutine of this class the stack of a dead one, if there is one at hand; not yet its name.
    #[inline]
    pub(super) fn start_on_dead(&'static self, record: NonNull<Record>, class: Class) -> Option<&'static G> {
        // SAFETY: this is the M's own thread.
        let dead = unsafe { self.own() }.dead[class.index()].pop();
        dead.map(|g| self.start_on(g, record))
    }

    #[inline]
    fn start_on(&'static self, g: &'static G, record: NonNull<Record>) -> &'static G {
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

    /// A goroutine has ended, and the M is off its stack.
    fn bury(&'static self, g: &'static G) -> Then {
        self.lay_down(g);
        // SAFETY: this is the M's own thread.
        let dead = &mut unsafe { self.own() }.dead[g.class.index()];
        if dead.len() > DEAD_MAX {
            DEPOTS[g.class.index()].lock().dead.extend(dead.drain(..DEAD_MAX / 2));
        }
        // Relaxed: the goroutine was ours until now.
        if g.locked.swap(0, Ordering::Relaxed) == 0 { Then::Stay } else { self.locked_one_ended() }
    }

    /// A goroutine has ended: its stack is the next one used, by this M.
    #[inline]
    fn lay_down(&'static self, g: &'static G) {
        g.now_dead();
        self.count(&self.ended);
        // SAFETY: this is the M's own thread.
        unsafe { self.own() }.dead[g.class.index()].push(g);
    }

    /// The goroutine on whose stack this is has ended. Where does its M go? `None`: it has become another goroutine, on the same
    /// stack. In the runtime.
    #[inline]
    fn after_the_end(&'static self, g: &'static G, entered: Entered) -> Option<Stopped> {
        // SAFETY: this is the M's own thread.
        let many_dead = unsafe { self.own() }.dead[g.class.index()].len() >= DEAD_MAX;
        // Relaxed: our own.
        if entered == Entered::Undisturbed && !many_dead && g.locked.load(Ordering::Relaxed) == 0 {
            if self.begin_next_here(g) {
                return None;
            }
            g.begins_to_stop(How::new(false));
            self.lay_down(g); // to be found by this M only, which is busy here
            return self.next_stack(g);
        }
        g.begins_to_stop(How::new(false));
        self.ended_one.set(Some(g));
        Some(self.own_stack(g))
    }

    /// A goroutine has ended: if the next one to run has not begun yet, and wants such a stack, it begins on this very one. That
    /// saves the way of the stack through the free list.
    #[inline]
    fn begin_next_here(&'static self, g: &'static G) -> bool {
        let Some(record) = self.next_unstarted(g.class) else { return false };
        g.now_dead();
        self.count(&self.ended);
        self.count(&self.begun);
        g.adopt(record);
        // SAFETY: ours, from the queue.
        if unsafe { record.as_ref() }.has_name() {
            g.adopt_name(record);
        }
        self.retake.exit();
        true
    }

    /// A goroutine has ended while locked: its thread may be in any state (that is what locking is for) and starts no other
    /// one. It ends, unless it is the main thread, or goroutines are at home on it, which go on here.
    #[cold]
    fn locked_one_ended(&'static self) -> Then {
        if self.is_main.get() || self.at_home() != 0 {
            return Then::Stay;
        }
        self.leave_nothing();
        Then::Leave
    }

    /// What can run here is at home elsewhere, or nowhere yet, and goes to others.
    fn leave_nothing(&'static self) {
        if let Some(g) = self.runnext.take() {
            park::push_inbox(g.m(), NonNull::from(g.node()));
        }
        while let Some(next) = self.pop_home() {
            if let Some(g) = next.as_started() {
                park::push_inbox(g.m(), NonNull::from(g.node()));
            }
        }
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

/// The last M of `g`, which we own, may still be on its way off the stack, a few instructions away; unless it has lost its CPU.
fn wait_until_off_stack(g: &'static G) {
    let mut rounds = 0_u32;
    while g.is_on_stack() {
        rounds += 1;
        if rounds.is_multiple_of(128) {
            std::thread::yield_now();
        }
        core::hint::spin_loop();
    }
}

/// The body of every stack: runs one goroutine after the other, for ever.
extern "C" fn entry(header: *mut u8) -> ! {
    // SAFETY: `G::init` passes the address of the header that it makes.
    let g: &'static G = unsafe { &*header.cast::<G>() };
    loop {
        run_one(g);
        let m = g.m();
        let entered = m.retake.enter(); // if the P is gone: `find_runnable` looks
        if let Some(Stopped { g, next }) = m.after_the_end(g, entered) {
            // SAFETY: on its stack; `after_the_end` has said that it stops, and where to go.
            unsafe { g.switch(next) };
        }
    }
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
    if g.has_baggage.get() {
        drop_baggage(g);
    }
}

/// Runs what may panic, at the root of a goroutine's stack. What nobody has recovered ends the process.
#[inline(always)]
fn run_root(g: &'static G, body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        panics::end_of_goroutine(g, payload);
    }
}

/// Goroutine-locals are dropped on the goroutine's own stack, newest first, while it can still park. Whatever was in flight ends
/// with the goroutine, and after each of them.
#[cold]
fn drop_baggage(g: &'static G) {
    loop {
        panics::forget(g);
        match g.locals(Vec::pop) {
            None => break,
            Some((_, value)) => run_root(g, || drop(value)),
        }
    }
    g.has_baggage.set(false);
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
