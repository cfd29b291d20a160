//! Warm stacks: while a program starts very many goroutines and a CPU has nothing to do, a helper thread guards the stacks that
//! are needed next and touches their first pages.
//!
//! The guard and the first touch of a page cost more than everything else in the life of a parked goroutine: 0.5 us and 1.3 us, and
//! 9 us where the page must come from a hypervisor first. The helper does half of it beside the program. It begins when a few
//! thousand stacks are in use, and keeps a stock that is small against them. While the Ms keep every CPU busy it does nothing: it
//! would only take turns with them.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::sched::counts::Counts;
use crate::sched::gomaxprocs;
use crate::sched::sysmon::HELPERS;
use crate::stack::{self, Class, Slot, StackError};
use crate::sys::note::Note;
use crate::sys::{clock, cpu};

/// So many stacks in use before the helper begins.
const MANY: usize = 4096;
/// The stock is at most this large, and at most a part of what is in use.
const STOCK: usize = 4096;
const PART: usize = 8;
/// The helper takes so many at a time.
const BATCH: usize = 64;

/// Slots of the default class whose first page is there.
static STOCKED: Mutex<Vec<Slot>> = Mutex::new(Vec::new());
static NOTE: Note = Note::new();
/// Whether the helper has been called and has not yet gone to sleep again.
static CALLED: AtomicBool = AtomicBool::new(false);
static STARTED: AtomicBool = AtomicBool::new(false);
/// How many CPUs the process may use, as of the helper's last look.
static CPUS: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Up to `batch` slots that were never used, warm ones first; they are to be popped from the end.
pub(super) fn take_slots(class: Class, batch: usize) -> Result<Vec<Slot>, StackError> {
    if class != stack::default_class() {
        return take_cold(class, batch);
    }
    let in_use = stack::handed(class);
    if in_use < MANY {
        return take_cold(class, batch);
    }
    call();
    let warm = {
        let mut stocked = STOCKED.lock();
        let from = stocked.len().saturating_sub(batch);
        stocked.split_off(from)
    };
    if warm.is_empty() { take_cold(class, batch) } else { Ok(warm) }
}

fn take_cold(class: Class, batch: usize) -> Result<Vec<Slot>, StackError> {
    let mut slots = vec![Slot::NONE; batch];
    let n = stack::take(class, &mut slots)?;
    slots.truncate(n);
    slots.reverse(); // lowest first
    Ok(slots)
}

/// Whether a CPU has nothing to run.
fn a_cpu_is_free() -> bool {
    let busy = gomaxprocs() as u64 - Counts::glance().idle().min(gomaxprocs() as u64);
    busy < CPUS.load(Ordering::Relaxed) as u64 // a number; nothing comes with it
}

/// Wakes the helper; makes it the first time. Where it cannot be made, the program does without.
fn call() {
    if !a_cpu_is_free() || CALLED.swap(true, Ordering::AcqRel) {
        return; // AcqRel: pairs with the helper's store before it sleeps
    }
    if STARTED.swap(true, Ordering::Relaxed) {
        // SAFETY: the note is static.
        unsafe { Note::wakeup(&raw const NOTE) };
    } else {
        // Relaxed above: the thread is made once, by whoever was first.
        let _ = std::thread::Builder::new().name("goconc-stacks".to_owned()).spawn(help);
    }
}

fn help() {
    const SECOND: u64 = 1_000_000_000;
    HELPERS.begin();
    let mut cpus_seen = None;
    loop {
        let now = clock::nanos();
        if cpus_seen.is_none_or(|seen| now - seen > SECOND) {
            cpus_seen = Some(now);
            CPUS.store(cpu::default_procs(), Ordering::Relaxed); // as in `a_cpu_is_free`
        }
        while a_cpu_is_free() && fill() {}
        CALLED.store(false, Ordering::Release); // pairs with the swap in `call`: who comes later calls again
        NOTE.sleep();
    }
}

/// Warms one batch. False: the stock is full, or the arena is empty.
fn fill() -> bool {
    let class = stack::default_class();
    let in_use = stack::handed(class);
    if STOCKED.lock().len() >= STOCK.min(in_use / PART) {
        return false;
    }
    let Ok(slots) = take_cold(class, BATCH) else { return false };
    supply(&slots);
    STOCKED.lock().extend(slots);
    true
}

/// Sees to it that the first page of each slot is there. The slots are the caller's, and were never used.
fn supply(slots: &[Slot]) {
    for slot in slots {
        // SAFETY: the header of a slot that is committed and ours alone; it is written anew before it is used.
        unsafe { slot.header().as_ptr().write_volatile(0) };
    }
}
