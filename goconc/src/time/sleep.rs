//! `sleep`: a timer on the sleeper's own stack.

use core::panic::Location;
use core::ptr::NonNull;
use std::time::Duration;

use crate::gmp::record::Why;
use crate::gmp::{Commit, G, WaitReason, g};
use crate::sched::{park, spawn, timers};
use crate::sys::soon::soon;
use crate::timer::{Firing, NEVER, Node, Ops};

/// Pauses the caller for at least `d`.
///
/// Go: `time.Sleep(d)`
///
/// # Parks
/// For `d`. Zero returns at once. A plain thread is blocked instead.
///
/// # Examples
/// ```
/// use goconc::time;
///
/// time::sleep(time::MILLISECOND);
/// ```
#[track_caller]
pub fn sleep(d: Duration) {
    if d.is_zero() {
        return;
    }
    match g::current() {
        Some(g) => sleep_goroutine(g, d, Location::caller()),
        #[expect(clippy::disallowed_methods, reason = "a plain thread has nothing better to do")]
        None => std::thread::sleep(d),
    }
}

/// The calling goroutine sleeps for `d`, at `at`, and goes on as `rest`, with which it ends. If it `can_move`, it has no stack
/// meanwhile.
///
/// # Safety
/// * If it `can_move`, `rest` may run on another thread.
/// * The caller does nothing more on the goroutine's account than to return from its closure.
pub(crate) unsafe fn run_after_nap<F: FnOnce()>(
    d: Duration,
    at: &'static Location<'static>,
    can_move: bool,
    rest: F,
) {
    let g = match g::current() {
        Some(g) if !d.is_zero() => g,
        _ => {
            sleep(d);
            return rest();
        }
    };
    park::check_goexit(g);
    let leaving = if can_move { spawn::can_leave_stack(g) } else { None };
    let Some(leaving) = leaving else {
        sleep_goroutine(g, d, at);
        return rest();
    };
    let when = deadline(d);
    let sleep = |record| {
        // SAFETY: it naps, and is nobody else's.
        unsafe { timers::arm_nap(g.m(), record, when) };
        true
    };
    // SAFETY: by contract.
    unsafe { leaving.leave(at, Why::Sleep, rest, sleep) };
}

/// When a sleep that begins now is over.
fn deadline(d: Duration) -> u64 {
    // A sleep of centuries saturates: never a short sleep.
    soon().saturating_add(super::nanos(d)).min(NEVER - 1)
}

/// Lives in the sleeper's frame, which stays until the timer has fired. The alignment keeps what is needed then in one cache line.
#[repr(C, align(32))]
struct Sleeper {
    node: Node,
    g: &'static G,
    when: u64,
}

static OPS: Ops = Ops { due: |_| true, prepare, fire };

fn sleep_goroutine(g: &'static G, d: Duration, at: &'static Location<'static>) {
    park::check_goexit(g);
    let sleeper = Sleeper { node: Node::new(&OPS), g, when: deadline(d) };
    // Armed once the goroutine has said that it stops: whoever fires the timer can make it runnable.
    park::park(g, Commit::Call(arm, (&raw const sleeper) as usize), WaitReason::Sleep, at);
}

fn arm(sleeper: usize) {
    let sleeper = sleeper as *mut Sleeper;
    // SAFETY: the sleeper's frame stays until its timer has fired, and that is armed only here.
    let Sleeper { g, when, .. } = unsafe { &*sleeper };
    // SAFETY: the address of a local.
    let node = unsafe { NonNull::new_unchecked(sleeper) }.cast();
    // SAFETY: as above; the node is the first field and in no heap yet.
    unsafe { timers::arm_untracked(g.m(), node, *when) };
}

unsafe fn prepare(node: NonNull<Node>) {
    // SAFETY: as in `fire`, which comes later.
    unsafe { node.cast::<Sleeper>().as_ref() }.g.fetch();
}

unsafe fn fire(node: NonNull<Node>, firing: Firing) {
    // SAFETY: armed as the first field of a Sleeper, whose goroutine waits.
    let g = unsafe { node.cast::<Sleeper>().as_ref() }.g;
    g.fetch_stack();
    // SAFETY: a sleeping goroutine is woken by its timer only, which fires once.
    unsafe { timers::ready_due(firing, NonNull::from(g.node()), g.m()) };
}
