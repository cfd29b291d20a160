//! How an M goes to sleep and wakes up: with or without a P, as a spinner, as the keeper of the timers.
//!
//! The protocol and its proof are at the head of `idle`.

use core::sync::atomic::{Ordering, fence};

use crate::gmp::m::PARKED;
use crate::gmp::{M, P};
use crate::sched::counts::{self, Counts};
use crate::sched::idle::{Disposed, anything_to_steal, assign, lock, take_next_p, wake_p};
use crate::sched::{dead, global_is_empty, gomaxprocs, timers};
use crate::sys::clock;
use crate::timer::NEVER;

/// The M becomes a spinner, if there are not enough of them: about half as many as there are busy Ps. One more than half: of two
/// Ms that pass a goroutine's turn to and fro, the one that gives still sees the other one spin.
pub(super) fn start_spinning(m: &'static M) -> bool {
    if m.spinning.get() {
        return true;
    }
    let counts = Counts::glance();
    let busy = (gomaxprocs() as u64).saturating_sub(counts.idle());
    if 2 * counts.spinning() > busy {
        return false;
    }
    counts::one_more_spinning(); // `stop_m` or `stop_spinning` takes it back
    m.spinning.set(true);
    true
}

/// The M has found work, or loses its P: it spins no longer, and if it was the last to, another one takes its place.
#[inline]
pub(super) fn stop_spinning(m: &'static M) {
    if m.spinning.get() {
        stop_spinning_slow(m);
    }
}

#[cold]
fn stop_spinning_slow(m: &'static M) {
    m.spinning.set(false);
    let before = counts::one_less_spinning();
    if before.spinning() == 1 && before.idle() != 0 && anything_to_steal() {
        wake_p();
    }
}

/// This M holds no P any more.
fn drop_p(m: &'static M) {
    m.p.store(core::ptr::null_mut(), Ordering::Relaxed); // this thread's own
}

/// The M, which has found nothing, gives up its P and sleeps. Returns with a P.
#[cold]
pub(super) fn stop_m(m: &'static M, p: &'static P) {
    let mut idle = lock();
    if !m.exclusive()
        && let Some((orphan, spinning)) = idle.pop_orphan()
    {
        // Somebody waits for a new M: we are one.
        let disposed = idle.dispose_p(p);
        drop(idle);
        stop_spinning(m); // the orphan's waker has counted us anew, if at all
        m.spinning.set(spinning);
        assign(m, orphan);
        return disposed.finish();
    }
    drop_p(m);
    let must_go_on = m.exclusive() && (p.has_work() || !global_is_empty());
    let disposed = if must_go_on { idle.start_m(p, false) } else { idle.dispose_p(p) };
    let was_spinning = m.spinning.replace(false); // before others see us: from then on the flag is our waker's
    idle.park(m);
    drop(idle);
    disposed.finish();
    if was_spinning {
        counts::one_less_spinning();
    }
    fence(Ordering::SeqCst); // StoreLoad against `submitted`
    if anything_to_steal() || timers::next() <= clock::nanos() {
        if m.exclusive() {
            wake_p();
        } else if unpark_self(m, false) {
            // A spinner again: where there is one thing to steal there may be more, and it is for a spinner to wake the next.
            counts::one_more_spinning();
            m.spinning.set(true);
            return;
        }
    }
    sleep_unless_called(m);
}

/// The M without a P has nothing to run: sleeps until it has both.
#[cold]
pub(super) fn stop_m_without_p(m: &'static M) {
    stop_spinning(m);
    let mut idle = lock();
    drop_p(m);
    if let Some(p) = idle.pop_p(Some(m)) {
        drop(idle);
        return assign(m, p); // `find_runnable` looks around and gives it back
    }
    idle.park(m);
    drop(idle);
    sleep_unless_called(m);
}

/// The M is on the parked list: sleeps, unless its inbox has something.
fn sleep_unless_called(m: &'static M) {
    if m.inbox.try_sleep() {
        if Counts::glance().idle() == gomaxprocs() as u64 {
            dead::check();
        }
        sleep_m(m);
        m.inbox.wake();
    } else if !unpark_self(m, true) {
        sleep_m(m);
    }
}

/// A parked M that has found something after all takes an idle P. False: it has none yet and must sleep, either because
/// somebody is about to wake it, or (with `must_run`) in the queue for a P, or because there is nothing it could do.
fn unpark_self(m: &'static M, must_run: bool) -> bool {
    let mut idle = lock();
    if m.state.load(Ordering::Relaxed) != PARKED {
        return false; // Relaxed: under the lock
    }
    let p = idle.pop_p(Some(m));
    if p.is_some() || must_run {
        idle.unpark(m);
    }
    match p {
        Some(p) => {
            drop(idle);
            assign(m, p);
            true
        }
        None => {
            if must_run {
                idle.queue_for_p(m);
            }
            false
        }
    }
}

/// Sleeps until somebody has given it a P, or until a timer is due and a P is idle.
fn sleep_m(m: &'static M) {
    let slept_at = clock::ticks();
    let mut called_at = 0; // by nobody: a timer was due
    loop {
        let deadline = timers::become_keeper(m);
        if timers::sleep_until(&m.note, deadline) {
            m.count(&m.tally.woken);
            if take_next_p(m) {
                called_at = m.called_at.load(Ordering::Relaxed); // ordered by `take_next_p`
                break;
            }
        } else if unpark_self(m, false) {
            break;
        }
    }
    clock::tick_coarse();
    // SAFETY: this is the M's own thread.
    let own = unsafe { m.own() };
    // Until it was called: that it has taken long to wake up is no reason to spin less, on the contrary.
    let until = if called_at == 0 { clock::ticks() } else { called_at };
    let parked_us = until.saturating_sub(slept_at) / clock::ticks_per_us();
    // Parked for less than it would have cost to spin: spin longer next time.
    own.spin_us = if parked_us < 100 { (own.spin_us * 2).min(100) } else { (own.spin_us / 2).max(5) };
}

/// The M has lost its P (or never had one) and has something to run: gets an idle P, or waits for its turn.
#[cold]
pub(crate) fn wait_for_p(m: &'static M) {
    stop_spinning(m);
    let mut idle = lock();
    drop_p(m);
    if let Some(p) = idle.pop_p(Some(m)) {
        drop(idle);
        return assign(m, p);
    }
    idle.queue_for_p(m);
    drop(idle);
    sleep_for_p(m);
}

fn sleep_for_p(m: &'static M) {
    loop {
        m.note.sleep();
        m.count(&m.tally.woken);
        if take_next_p(m) {
            break;
        }
    }
    clock::tick_coarse();
}

/// The M has used its P for a slice, and others wait: hands it on and queues up behind them, if it has something to run.
#[cold]
pub(super) fn yield_p(m: &'static M, p: &'static P, has_work: bool) {
    let mut idle = lock();
    if !idle.somebody_needs_p() {
        m.p_since.set(clock::ticks());
        return;
    }
    drop_p(m);
    let disposed = idle.dispose_p(p);
    if has_work {
        idle.queue_for_p(m);
    }
    drop(idle);
    disposed.finish();
    stop_spinning(m);
    if has_work { sleep_for_p(m) } else { stop_m_without_p(m) }
}

/// The M holds a P that is one too many: retires it.
#[cold]
pub(super) fn give_up_p(m: &'static M, p: &'static P) {
    let mut idle = lock();
    drop_p(m);
    let disposed = idle.dispose_p(p);
    drop(idle);
    disposed.finish();
    stop_spinning(m);
}

/// An exclusive M holds a P with work that it must not touch: another M gets the P, and this one waits for its turn.
#[cold]
pub(super) fn pass_on_p(m: &'static M, p: &'static P) {
    let mut idle = lock();
    drop_p(m);
    let disposed = idle.start_m(p, false);
    drop(idle);
    disposed.finish();
    wait_for_p(m);
}

/// The M's thread is about to end; nobody is at home on it. The P goes to somebody else, the M to the next new thread.
#[cold]
pub(super) fn leave_m(m: &'static M) {
    stop_spinning(m);
    m.locks.set(0);
    let mut idle = lock();
    // Timers too: this M would have looked after them, had it parked.
    let disposed = match m.p() {
        Some(p) if p.has_work() || !global_is_empty() || timers::next() != NEVER => idle.start_m(p, false),
        Some(p) => idle.dispose_p(p),
        None => Disposed::Waits,
    };
    drop_p(m);
    idle.threads -= 1;
    idle.without_thread.push(m);
    drop(idle);
    disposed.finish();
    if Counts::glance().idle() == gomaxprocs() as u64 {
        dead::check(); // finds this very thread too many, and has sysmon look again
    }
}
