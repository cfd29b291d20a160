//! The short way: a goroutine that stops goes straight to the next one, past its M's own stack.
//!
//! Everything here is decided on the stack of the goroutine that stops, in the runtime. It is what `find` would decide, as long as
//! the next goroutine is near: one of our own queues has it, it is at home here or has not begun, and nobody else wants anything
//! that the M should look at first. In all other cases the M goes to its own stack, and `find` looks for everything.
//!
//! Where goroutines stay for a very short time and only take turns (`gosched`), what others want is not asked before each turn but after
//! [`CLEAR_TURNS`] (`M::clear`). What the M itself does meanwhile ends that (`M::not_clear`), if it is a goroutine that it starts, a timer
//! that an idle M would have to look after, another P, a pick on its own stack. What others begin to want waits for a few turns; if
//! these become long, sysmon ends it, as it ends the way to the next look. Nothing but the order, and how soon, depends on it.
//!
//! The goroutine that stops may be in a queue already, in ours (`gosched`), or in that of whoever has woken it meanwhile. So what
//! the M finds may be that goroutine itself: then it just goes on.

use core::num::NonZero;
use core::ptr::NonNull;

use crate::gmp::{G, How, M, P, Record, Runnable};
use crate::migration;
use crate::sched::counts::Counts;
use crate::sched::find::{MANY, UNSTARTED_AHEAD, fetch_ahead};
use crate::sched::park::Stopped;
use crate::stack::Class;
use crate::sys::fetch;
use crate::timer::NEVER;

/// Where goroutines stay for a very short time, timers are looked at once in so many picks.
const LOOK_AT_TIMERS_EVERY: u32 = 8;
/// And so many turns are taken between two looks at what others want, where there are no timers.
const CLEAR_TURNS: u32 = 15;

impl M {
    /// Where the M goes now that the goroutine `stopping`, on whose stack this is, has said that it stops and can be found. `None`:
    /// it goes on itself. After this the M is in user code, but for its own stack.
    #[inline(always)]
    pub(super) fn next_stack(&'static self, stopping: &'static G) -> Option<Stopped> {
        let Some(p) = self.p() else { return Some(self.own_stack(stopping)) };
        // SAFETY: we hold the P, in the runtime.
        let fresh = unsafe { p.private() }.fresh.len();
        let Some(tick) = self.next_tick() else { return Some(self.own_stack(stopping)) };
        if self.exclusive() || !self.timers_can_wait(p, tick) || !self.nobody_wants(fresh) {
            return Some(self.own_stack(stopping));
        }
        if fresh != 0 && (tick & 1 == 0 || !self.has_started_near()) {
            return self.next_fresh(stopping, p, tick);
        }
        let Some(next) = self.pop_near() else { return Some(self.own_stack(stopping)) };
        self.set_tick(tick);
        self.go_to(next, stopping)
    }

    /// As [`next_stack`](Self::next_stack), where the next one has not begun.
    #[inline(never)]
    fn next_fresh(&'static self, stopping: &'static G, p: &'static P, tick: u32) -> Option<Stopped> {
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        let Some(record) = private.fresh.newest(0) else { return Some(self.own_stack(stopping)) };
        // SAFETY: in a queue of ours, so it is ours.
        let class = unsafe { record.as_ref() }.class();
        let Some(next) = self.start_on_dead(record, class) else { return Some(self.own_stack(stopping)) };
        private.fresh.pop();
        p.note_len(private.fresh.len());
        self.set_tick(tick);
        let stopped = self.go_to(next, stopping);
        // SAFETY: as above.
        if unsafe { record.as_ref() }.has_name() { name_first(next, record, stopped) } else { stopped }
    }

    #[inline(always)]
    fn go_to(&'static self, next: &'static G, stopping: &'static G) -> Option<Stopped> {
        let goes_on = core::ptr::eq(next, stopping);
        if goes_on {
            stopping.does_not_stop();
        }
        let stopped = self.leave_for(next, stopping);
        (!goes_on).then_some(stopped)
    }

    /// The M's own stack, in [`execute`](M::execute). The M stays in the runtime.
    #[inline(always)]
    pub(super) fn own_stack(&self, stopping: &'static G) -> Stopped {
        debug_assert_ne!(self.context.stopped_at(), 0, "a goroutine runs on an M that has no stack");
        // SAFETY: the M is on a goroutine's stack, so its own one has stopped somewhere.
        let next = unsafe { NonZero::new_unchecked(self.context.stopped_at()) };
        Stopped { g: stopping, next }
    }

    /// The next goroutine that has begun, if it is at home here.
    #[inline(always)]
    fn pop_near(&'static self) -> Option<&'static G> {
        if let Some(g) = self.runnext.get() {
            if !self.is_home_of(Runnable::started(g)) {
                return None;
            }
            self.runnext.set(None);
            return Some(g);
        }
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        if home.len() >= MANY {
            fetch_ahead(home);
        }
        home.pop_front_if(|next| self.is_home_of(next))?.as_started()
    }

    /// As [`next_stack`](Self::next_stack), where `stopping` is yet to be queued behind the others, and for the plain case: all have
    /// begun, nobody has just been woken, nobody wants anything. `None`: it is another case, and nothing is done.
    ///
    /// # Safety
    /// * The queue is not empty.
    #[inline(always)]
    pub(super) unsafe fn next_in_turn(&'static self, stopping: &'static G, how: How) -> Option<Stopped> {
        self.not_clear();
        let p = self.p()?;
        // SAFETY: we are this M, in the runtime.
        let begun = unsafe { self.home() }.len() + 1;
        // SAFETY: we hold the P, in the runtime.
        let fresh = unsafe { p.private() }.fresh.len();
        let counts = Counts::glance();
        let plain = (counts.all_busy() || counts.need_p() == 0 && self.keeps(begun))
            && self.runnext.get().is_none()
            && fresh == 0;
        let tick = self.next_tick().filter(|tick| plain && self.timers_can_wait(p, *tick))?;
        // SAFETY: by contract, and nobody has been woken meanwhile.
        let next = unsafe { self.turn(stopping, how) }?;
        let clear = match p.timers.next() {
            _ if !self.runs_are_short() => 0,
            NEVER => CLEAR_TURNS,
            _ => LOOK_AT_TIMERS_EVERY - 1 - tick % LOOK_AT_TIMERS_EVERY, // up to the pick that looks at them
        };
        self.set_clear_tick(tick, clear);
        Some(self.leave_for(next, stopping))
    }

    /// As [`next_in_turn`](Self::next_in_turn), as long as the last look at what others want holds good.
    ///
    /// # Safety
    /// * As there.
    #[inline(always)]
    pub(super) unsafe fn next_in_clear_turn(
        &'static self,
        stopping: &'static G,
        how: How,
    ) -> Option<Stopped> {
        let clear = self.clear().filter(|_| self.runnext.get().is_none())?;
        // SAFETY: by contract, and nobody has been woken meanwhile.
        let next = unsafe { self.turn(stopping, how) }?;
        self.set_clear(clear);
        Some(self.leave_for(next, stopping))
    }

    /// `stopping` goes behind the others, and the first of them is next, if it has begun and is at home here. `None`: nothing is done.
    ///
    /// # Safety
    /// * The queue is not empty.
    #[inline(always)]
    unsafe fn turn(&'static self, stopping: &'static G, how: How) -> Option<&'static G> {
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        // SAFETY: by contract.
        unsafe { core::hint::assert_unchecked(!home.is_empty()) };
        let (next, after) = home.turn_if(Runnable::started(stopping), |next| self.is_home_of(next))?;
        let next = next.as_started()?;
        // Those that take turns do not all fit into the first-level cache, and the first of them is the one used longest ago.
        if let Some(after) = after.as_started() {
            after.fetch_top();
        }
        // Before the M leaves the runtime: from then on sysmon may give the goroutine, which is in the queue, to another M.
        stopping.begins_to_stop(how);
        Some(next)
    }

    /// `next` goes on, and the M is in user code.
    #[inline(always)]
    fn leave_for(&'static self, next: &'static G, stopping: &'static G) -> Stopped {
        let to = next.stopped_at();
        self.about_to_run(next);
        Stopped { g: stopping, next: to }
    }

    /// The unstarted goroutine that comes next, if it is near and wants this class of stack.
    #[inline]
    pub(super) fn next_unstarted(&'static self, class: Class) -> Option<NonNull<Record>> {
        let p = self.p()?;
        // SAFETY: we hold the P, in the runtime.
        let private = unsafe { p.private() };
        let fresh = private.fresh.len();
        let tick = self.next_tick()?;
        let near = fresh != 0
            && !self.exclusive()
            && self.timers_can_wait(p, tick)
            && self.nobody_wants(fresh)
            && (tick & 1 == 0 || !self.has_started_near());
        if !near {
            return None;
        }
        let record = private.fresh.pop()?;
        // SAFETY: it came from a queue, so it is ours.
        if !unsafe { record.as_ref() }.wants(class) {
            private.fresh.push(record);
            return None;
        }
        if let Some(next) = private.fresh.newest(UNSTARTED_AHEAD - 1) {
            fetch::to_write(next.as_ptr()); // it may have come in a bundle
        }
        p.note_len(fresh - 1);
        self.set_tick(tick);
        Some(record)
    }

    /// Whether the timers of `p` need not be looked at before the pick at `tick`: there are none, or goroutines stay so short here that
    /// every 8th pick will do, and another M need not be told of a new one.
    #[inline(always)]
    pub(super) fn timers_can_wait(&self, p: &P, tick: u32) -> bool {
        p.timers.next() == NEVER
            || !tick.is_multiple_of(LOOK_AT_TIMERS_EVERY) && self.runs_are_short() && !self.armed.get()
    }

    /// Whether nobody else wants anything that `find` would give: a P, or a part of what we have, `fresh` unstarted goroutines
    /// among it.
    #[inline(always)]
    fn nobody_wants(&self, fresh: usize) -> bool {
        let counts = Counts::glance();
        if counts.all_busy() {
            return true;
        }
        // SAFETY: we are this M, in the runtime.
        let home = unsafe { self.home() };
        // One that has not begun stays, unless its parent has only yielded, and so is in the queue (`M::share`). One that has begun
        // is not in the queue: it runs next.
        counts.need_p() == 0 && fresh < 2 && (home.is_empty() || fresh == 0 && self.keeps(home.len() + 1))
    }

    /// Whether so many that have begun all stay, though others have nothing to do.
    #[inline(always)]
    fn keeps(&self, begun: usize) -> bool {
        !migration::moving() || begun < self.worth_sharing.get()
    }

    /// Whether there is a goroutine that has begun in the M's own queues.
    #[inline(always)]
    pub(super) fn has_started_near(&self) -> bool {
        // SAFETY: we are this M, in the runtime.
        self.runnext.get().is_some() || !unsafe { self.home() }.is_empty()
    }

    #[inline(always)]
    fn is_home_of(&self, next: Runnable) -> bool {
        next.as_started().is_some_and(|g| core::ptr::eq(g.m(), self))
    }
}

/// What is left of a start where the goroutine has a name: at the end, so that all others need no frame.
#[cold]
#[inline(never)]
fn name_first(next: &G, record: NonNull<Record>, stopped: Option<Stopped>) -> Option<Stopped> {
    next.adopt_name(record);
    stopped
}
