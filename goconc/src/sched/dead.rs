//! "all goroutines are asleep - deadlock!", only when it is certain.
//!
//! Certain means: every M sleeps with nothing to do, no timer is armed, no `blocking` call is in flight, no listener for
//! signals or I/O waits, and every other thread of the process is one that could not wake anybody either: sysmon, an idle
//! helper, or a plain thread that is itself blocked in an operation of ours. The number of threads comes from the kernel
//! in one look; one thread too many and nothing is reported (sysmon looks again from time to time while that lasts).
//!
//! A waker is never lost between two looks: whoever makes a goroutine runnable takes its M off the parked list, or takes the
//! plain thread off `blocked_threads`, before it can itself fall asleep.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::sched::sysmon::{HELPERS, Helpers};
use crate::sched::{global_is_empty, idle, spawn, timers};
use crate::sys::{thread, throw};
use crate::timer::NEVER;

/// `blocking` calls in flight and listeners that may wake somebody at any time.
pub(crate) static OUTSIDE_WAKERS: AtomicUsize = AtomicUsize::new(0);
/// Everything of ours sleeps, but some thread may still wake it.
static SUSPICIOUS: AtomicBool = AtomicBool::new(false);
/// The main goroutine has called `goexit`.
pub(crate) static MAIN_GOEXITED: AtomicBool = AtomicBool::new(false);

/// Whether the last check found everything asleep but a thread that is not ours.
pub(crate) fn is_suspicious() -> bool {
    SUSPICIOUS.load(Ordering::Relaxed) // a hint for sysmon; `check` decides
}

/// Everything may be asleep: looks, and reports.
#[cold]
pub(crate) fn check() {
    let idle = idle::lock();
    SUSPICIOUS.store(false, Ordering::Relaxed); // under the lock
    if !idle.all_parked()
        || timers::next() != NEVER
        || !global_is_empty()
        || OUTSIDE_WAKERS.load(Ordering::SeqCst) != 0
    // a call in flight readies its goroutine before it counts down
    {
        return;
    }
    let live = spawn::live();
    let main_is_gone = MAIN_GOEXITED.load(Ordering::Relaxed); // set before main's M could park, under the lock
    if live == 0 && idle.blocked_threads <= 0 && !main_is_gone {
        return; // nobody waits for anything
    }
    let helpers = HELPERS.look();
    let ours = idle.threads + Helpers::number(helpers) + usize::try_from(idle.blocked_threads).unwrap_or(0);
    // A helper that was counted above and has ended since would make up for a thread that is awake: so a second look.
    if thread::count() != Some(ours) || HELPERS.look() != helpers {
        SUSPICIOUS.store(true, Ordering::Relaxed); // under the lock
        return;
    }
    if live == 0 && main_is_gone {
        throw::fatal(format_args!("no goroutines (main called runtime.Goexit) - deadlock!"));
    }
    throw::throw("all goroutines are asleep - deadlock!");
}
