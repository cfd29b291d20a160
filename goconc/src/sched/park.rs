//! Park, ready, gosched, goexit: the one way to wait, on which channels, sync and timers are built.
//!
//! A wait, step by step: the goroutine (1) takes the lock of what it waits for, (2) finds that it must wait, (3) puts a
//! [`Node`] into a list there, (4) calls [`park`] with `Commit::Unlock`: it says that it stops, gives the lock back, and its M
//! goes to the next stack. A waker takes the node off the list under the lock, gives the lock back, and calls [`ready`]: from
//! then on the goroutine may run, return and reuse the node's memory, so the waker reads what it needs before.
//!
//! Between (4) and the switch the goroutine can be woken while its M is still on its stack. It runs on that M again only once
//! that M is done with the switch; and another M that gets it waits for that (`G::is_on_stack`, in `M::take_over`).

use core::num::NonZero;
use core::panic::Location;
use core::ptr::NonNull;

use crate::arch;
use crate::gmp::retake::Entered;
use crate::gmp::unwinding::{GoexitToken, Unwindings};
use crate::gmp::{Chain, Commit, G, How, M, Runnable, WaitReason, g, here, m};
use crate::migration;
use crate::queue::inbox::{Node, Pushed};
use crate::sched::counts::Counts;
use crate::sched::find::VERY_MANY;
use crate::sched::{global_push, idle, stop};
use crate::sys::spin::ByteLock;

use core::sync::atomic::Ordering;

/// The M enters the runtime from a goroutine's stack, with a P: waits for one where sysmon has taken its own.
#[inline(always)]
pub(crate) fn enter(m: &'static M) {
    if m.retake.enter() == Entered::Retaken {
        stop::wait_for_p(m);
    }
}

/// A goroutine has said that it stops: what is left is to go to the next stack, once.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// The caller.
    pub(super) g: &'static G,
    /// Where to go.
    pub(super) next: NonZero<usize>,
}

impl Stopped {
    /// Goes there. Returns when somebody has called [`ready`]. Always inlined: see [`G::switch`].
    ///
    /// # Safety
    /// * The function that made this was called just now, on this stack.
    #[inline(always)]
    pub(crate) unsafe fn go(self) {
        // SAFETY: on the stack of a goroutine that has said that it stops, and was told where to go.
        unsafe { self.g.switch(self.next) };
        check_goexit(self.g);
    }
}

/// Stops the calling goroutine. Returns when somebody has called [`ready`] for it.
///
/// The caller must have made it findable, or leave that to `commit`. Always inlined: see [`G::switch`].
#[inline(always)]
pub(crate) fn park(g: &'static G, commit: Commit, reason: WaitReason, at: &'static Location<'static>) {
    let how = how_it_stops(reason);
    let stopped = match commit {
        Commit::Unlock(lock) => stop(g, lock, how, at),
        Commit::Nothing => {
            say_it_stops(g, how, at);
            go_on(g)
        }
        Commit::Call(f, arg) => {
            say_it_stops(g, how, at);
            f(arg);
            go_on(g)
        }
    };
    match stopped {
        // SAFETY: from the functions above, just now.
        Some(stopped) => unsafe { stopped.go() },
        None => check_goexit(g),
    }
}

// What is not inlined of a park runs on the stack of the goroutine, which is cold when there are many. So these functions make no
// calls but where they end: they need no frame, and save no registers.

/// From the last step on the goroutine's own account to the switch: gives `lock` back. `None`: it has been woken already, and goes
/// on.
#[inline(never)]
fn stop(g: &'static G, lock: NonNull<ByteLock>, how: How, at: &'static Location<'static>) -> Option<Stopped> {
    // SAFETY: the goroutine took this lock and left it to us.
    unsafe { stop_and_unlock(g.m(), g, lock, how, at) }
}

/// As [`park`] with `Commit::Unlock`, up to the switch, for functions that are not inlined themselves.
///
/// # Safety
/// * `g` is the caller, on `m`; it holds `lock` and leaves it to us.
#[inline(always)]
pub(crate) unsafe fn stop_and_unlock(
    m: &'static M,
    g: &'static G,
    lock: NonNull<ByteLock>,
    how: How,
    at: &'static Location<'static>,
) -> Option<Stopped> {
    let undisturbed = m.retake.enter_quickly();
    note_stop(g, how, at);
    // SAFETY: by contract.
    unsafe { ByteLock::unlock(lock.as_ptr()) };
    if undisturbed { m.next_stack(g) } else { go_on(g) }
}

/// The first half of [`stop`], for a wait that is made findable in another way: between the two.
#[inline(never)]
fn say_it_stops(g: &'static G, how: How, at: &'static Location<'static>) {
    let _ = g.m().retake.enter_quickly(); // if the P is gone, `go_on` sees it: we may hold a lock here and must not wait
    note_stop(g, how, at);
}

#[inline(always)]
fn note_stop(g: &'static G, how: How, at: &'static Location<'static>) {
    g.begins_to_stop(how); // first: a dump that finds it waiting finds for what
    g.now_waiting(at);
}

/// The second half of [`stop`]. What came between may have woken somebody, the goroutine itself even, and left the runtime.
#[inline(never)]
fn go_on(g: &'static G) -> Option<Stopped> {
    let m = g.m();
    match m.retake.enter() {
        Entered::Undisturbed => m.next_stack(g),
        Entered::Retaken => Some(m.own_stack(g)), // `find_runnable` looks for a P
    }
}

/// Whether the calling goroutine may not change threads while it is stopped.
#[inline(always)]
pub(super) fn is_bound() -> bool {
    std::thread::panicking() || migration::binds()
}

/// As [`is_bound`], for functions that are not inlined and do not switch.
#[inline(always)]
fn is_bound_here() -> bool {
    std::thread::panicking() || migration::binds_inlined()
}

/// How the caller stops, as of now.
#[inline(always)]
pub(crate) fn how_it_stops(reason: WaitReason) -> How {
    whether_bound().with(reason)
}

#[inline(never)]
fn whether_bound() -> How {
    How::new(is_bound_here())
}

/// Makes the goroutine behind `node` runnable: it runs next on its M. `home` is that, as of when it parked.
///
/// # Safety
/// * The caller took `node` off the list it was in, and no one else does anything with its goroutine.
#[inline(never)] // as it asks `here`
pub(crate) unsafe fn ready(node: NonNull<Node>, home: &'static M) {
    // SAFETY: by contract.
    unsafe { ready_as(node, home, true) }
}

/// As [`ready`], for a goroutine that need not go before others: it runs next only if none else is to, and last otherwise.
///
/// # Safety
/// * As [`ready`].
#[inline(never)] // as it asks `here`
pub(crate) unsafe fn ready_behind(node: NonNull<Node>, home: &'static M) {
    // SAFETY: by contract.
    unsafe { ready_as(node, home, false) }
}

/// # Safety
/// * As [`ready`].
#[inline(always)]
unsafe fn ready_as(node: NonNull<Node>, home: &'static M, first: bool) {
    let Some(m) = here::m() else {
        // SAFETY: by contract.
        return unsafe { ready_from_outside(node, home) };
    };
    // The plain case, which makes no calls: both are at home here.
    if !core::ptr::eq(m, home) || m.long_runs.get() || !m.retake.enter_quickly() {
        // SAFETY: by contract.
        return unsafe { ready_on(m, node, home, first) };
    }
    // SAFETY: by contract, of a goroutine.
    let g = unsafe { g_of(node) };
    g.now_runnable();
    match m.runnext.get() {
        Some(_) if !first => push_behind(m, g),
        kicked => {
            m.runnext.set(Some(g));
            match kicked {
                Some(kicked) => push_behind(m, kicked),
                None => m.retake.exit(),
            }
        }
    }
}

/// The goroutine whose node this is.
///
/// # Safety
/// * It is a goroutine's, which has not been woken yet.
#[inline(always)]
unsafe fn g_of(node: NonNull<Node>) -> &'static G {
    // SAFETY: the node is valid until its goroutine runs.
    let item = unsafe { node.as_ref() }.item();
    // SAFETY: nodes of goroutines carry the address of their header.
    unsafe { m::g_of_item(item) }
}

/// Puts `g` at the end of the queue of `m`, which leaves the runtime.
#[inline(never)] // makes a call where the queue is full
fn push_behind(m: &'static M, g: &'static G) {
    // SAFETY: we are this M, in the runtime.
    unsafe { m.home() }.push_back(Runnable::started(g));
    m.retake.exit();
}

/// As [`ready`], or [`ready_behind`], on M `m`, whatever the case.
///
/// # Safety
/// * As [`ready`].
#[inline(never)]
unsafe fn ready_on(m: &'static M, node: NonNull<Node>, home: &'static M, first: bool) {
    enter(m);
    // SAFETY: by contract, of a goroutine.
    let g = unsafe { g_of(node) };
    if m.long_runs.get() && migration::moving() && m.pass_to_idle(g, home, node) {
        // It is on its way to another M, or may be taken.
    } else if may_run_on(m, g, home) {
        g.now_runnable();
        let behind = if first || m.runnext.get().is_none() { m.runnext.replace(Some(g)) } else { Some(g) };
        if let Some(behind) = behind {
            return push_behind(m, behind);
        }
    } else {
        push_inbox(home, node);
    }
    m.retake.exit();
}

/// Whether `g`, which is at home on `home`, may be queued on `m`, which wakes it. By its owner.
#[inline(always)]
pub(super) fn may_run_on(m: &'static M, g: &'static G, home: &'static M) -> bool {
    core::ptr::eq(m, home) || draws(m, g)
}

/// The same, for one that is at home elsewhere. One that comes is counted.
#[inline(never)]
fn draws(m: &'static M, g: &'static G) -> bool {
    let comes = migration::moving() && !m.exclusive() && !g.stays_home();
    if comes {
        m.count(&m.tally.drawn);
    }
    comes
}

/// As [`ready`], from a plain thread.
///
/// # Safety
/// * As [`ready`].
#[cold]
unsafe fn ready_from_outside(node: NonNull<Node>, home: &'static M) {
    // SAFETY: by contract, of a goroutine.
    let g = unsafe { g_of(node) };
    if migration::moving() && !g.stays_home() {
        g.now_runnable();
        global_push(Chain::of(Runnable::started(g)));
        idle::submitted();
    } else {
        push_inbox(home, node);
    }
}

/// Between the wake-ups of very many goroutines: if others have nothing to do, they get some of them. Counts as a pick, so that
/// sysmon does not find the M stuck and moves everything that it has made runnable; unless another M waits for the P.
#[cold]
pub(crate) fn share_ready() {
    let Some(current) = g::current() else { return };
    let m = current.m();
    enter(m);
    if let Some(p) = m.p() {
        let counts = Counts::glance();
        if counts.need_p() == 0 {
            m.set_vain_tick(m.tick_after());
        }
        if counts.hungry() {
            m.share(p);
        }
    }
    m.retake.exit();
}

/// Hands a goroutine to the M it is at home on.
pub(crate) fn push_inbox(home: &'static M, node: NonNull<Node>) {
    // SAFETY: a parked goroutine's node stays where it is until the goroutine runs, which is after the drain.
    if unsafe { home.inbox.push(node) } == Pushed::Sleeping {
        idle::wake_m(home);
    }
}

/// Lets others run; the caller goes to the tail of its M's queue. A plain thread yields to other threads. Always inlined: see
/// [`G::switch`].
#[inline(always)]
pub(crate) fn gosched() {
    if let Some(stopped) = take_turns() {
        // SAFETY: from there, just now.
        unsafe { stopped.go() };
    }
}

/// The part of [`gosched`] that need not be inlined: as [`stop`]. `None`: nobody else has anything to run.
///
/// Here it shows most what a switch costs: memory is touched some 30 times, and each time less is 2 % less. The M comes from a word of the
/// thread's own: see [`here`]. First comes what makes a call in rare cases, so that nothing need survive it in a register that would
/// have to be saved.
#[inline(never)]
fn take_turns() -> Option<Stopped> {
    if is_bound_here() {
        return take_turns_bound();
    }
    let Some(m) = here::m() else { return yield_thread() };
    let (g, how) = (m.current(), How::new(false));
    if !g.is_near(arch::stack_pointer()) || !m.retake.enter_quickly() {
        return take_turns_slowly(m, g, how);
    }
    // SAFETY: we are this M, in the runtime.
    let others = unsafe { m.home() }.len();
    if !(1..VERY_MANY).contains(&others) {
        return take_turns_alone(m, g, how);
    }
    // SAFETY: it is not empty.
    match unsafe { m.next_in_clear_turn(g, how) } {
        None => take_turns_and_look(m, g, how),
        stopped => stopped,
    }
}

/// As [`take_turns`], for one that may not change threads.
#[cold]
#[inline(never)]
fn take_turns_bound() -> Option<Stopped> {
    let Some(m) = here::m() else { return yield_thread() };
    take_turns_slowly(m, m.current(), How::new(true))
}

/// The rest of [`take_turns`] where the M looks at what others want: once in some picks, so that it is out of the way.
///
/// The queue is not empty.
#[cold]
#[inline(never)]
fn take_turns_and_look(m: &'static M, g: &'static G, how: How) -> Option<Stopped> {
    // SAFETY: it is not empty, and we are in the runtime since we have seen that.
    match unsafe { m.next_in_turn(g, how) } {
        None => stop_behind_others(m, g, how),
        stopped => stopped,
    }
}

#[cold]
#[inline(never)]
fn yield_thread() -> Option<Stopped> {
    std::thread::yield_now();
    None
}

#[cold]
#[inline(never)]
fn take_turns_slowly(m: &'static M, g: &'static G, how: How) -> Option<Stopped> {
    if !g.is_on(arch::stack_pointer()) {
        return yield_thread();
    }
    enter(m);
    take_turns_alone(m, g, how)
}

/// The rest of [`take_turns`] where nobody, or very many, are in the queue.
#[inline(never)]
fn take_turns_alone(m: &'static M, g: &'static G, how: How) -> Option<Stopped> {
    if m.has_started_near() || !nothing_else_to_run(m) {
        return stop_behind_others(m, g, how);
    }
    m.retake.exit();
    goes_on(g)
}

/// The rest of [`take_turns`] where its turn is not plain. In the runtime.
#[inline(never)]
fn stop_behind_others(m: &'static M, g: &'static G, how: How) -> Option<Stopped> {
    g.begins_to_stop(how);
    // SAFETY: we are this M, in the runtime.
    unsafe { m.home() }.push_back(Runnable::started(g));
    match m.next_stack(g) {
        None => goes_on(g),
        stopped => stopped,
    }
}

#[inline]
fn goes_on(g: &'static G) -> Option<Stopped> {
    check_goexit(g);
    None
}

/// Whether a switch would come straight back, as far as the M's own queues tell: those of started ones are empty. Counts as a pick.
fn nothing_else_to_run(m: &'static M) -> bool {
    let Some(p) = m.p() else { return false };
    let alone = p.fresh_len.load(Ordering::Relaxed) == 0 // ours
        && m.inbox.is_empty()
        && Counts::glance().need_p() == 0;
    let tick = m.next_tick().filter(|tick| alone && m.timers_can_wait(p, *tick));
    if let Some(tick) = tick {
        m.set_vain_tick(tick);
    }
    tick.is_some()
}

/// Ends the calling goroutine: unwinds its stack, so that destructors and deferred calls run.
pub(crate) fn goexit(g: &'static G) -> ! {
    g.goexiting.set(true);
    g.unwindings(Unwindings::begin_goexit);
    std::panic::resume_unwind(Box::new(GoexitToken))
}

/// Somebody has caught the unwinding of `goexit` and gone on: it starts again, unless it is still under way.
#[cold]
fn reraise_goexit(g: &'static G) {
    if !std::thread::panicking() {
        goexit(g);
    }
}

/// For operations that hold no lock: the goroutine ends here if it should have ended.
#[inline]
pub(crate) fn check_goexit(g: &'static G) {
    if g.goexiting.get() {
        reraise_goexit(g);
    }
}

/// Ties the goroutine to its thread, and the thread to it.
pub(crate) fn lock_thread(g: &'static G) {
    let n = g.locked.load(Ordering::Relaxed) + 1; // written by the goroutine itself
    g.locked.store(n, Ordering::Relaxed); // as above; others read it for dumps, or when they own the goroutine
    if n == 1 {
        let m = g.m();
        m.locks.set(m.locks.get() + 1);
    }
}

/// Undoes one [`lock_thread`].
pub(crate) fn unlock_thread(g: &'static G) {
    let n = g.locked.load(Ordering::Relaxed); // written by the goroutine itself
    if n > 0 {
        g.locked.store(n - 1, Ordering::Relaxed); // as in `lock_thread`
    }
    if n == 1 {
        let m = g.m();
        m.locks.set(m.locks.get() - 1);
    }
}
