//! Go's package `time`. So far: [`sleep`].

use core::panic::Location;
use std::time::Duration;

use crate::gmp::{Commit, G, WaitReason, g, p};
use crate::sched::park;
use crate::sys::clock;
use crate::timer::{Action, NEVER};

use core::ptr::NonNull;

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
/// use std::time::Duration;
///
/// time::sleep(Duration::from_millis(1));
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

/// What the M needs to arm the timer; lives on the sleeper's stack.
struct Sleeper {
    g: &'static G,
    when: u64,
}

fn sleep_goroutine(g: &'static G, d: Duration, at: &'static Location<'static>) {
    park::check_goexit(g);
    let ns = u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
    // A sleep of centuries saturates: never a short sleep.
    let sleeper = Sleeper { g, when: clock::nanos().saturating_add(ns).min(NEVER - 1) };
    // Armed once the goroutine has left its stack: the timer cannot fire before it is parked.
    park::park(g, Commit::Call(arm, (&raw const sleeper) as usize), WaitReason::Sleep, at);
}

fn arm(sleeper: usize) {
    // SAFETY: the sleeper's frame stays until its timer has fired, and that is armed only here.
    let sleeper = unsafe { &*(sleeper as *const Sleeper) };
    let action = Action { f: wake, arg: core::ptr::from_ref(sleeper.g) as usize };
    let p = sleeper.g.m().p().unwrap_or_else(|| p::get(0));
    p.timers.add(sleeper.when, action);
}

fn wake(g: usize) {
    // SAFETY: armed with the address of a G, which is never freed.
    let g = unsafe { &*(g as *const G) };
    // SAFETY: a sleeping goroutine is woken by its timer only, which fires once.
    unsafe { park::ready(NonNull::from(g.node()), g.m()) };
}
