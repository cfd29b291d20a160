//! The birth of a goroutine: a record, a number, and a place in a queue. The stack comes when it first runs.

use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::block;
use crate::gmp::record::{FreeList, MAIN_ID, Name, Origin, Why};
use crate::gmp::{Chain, G, M, Record, Runnable, g};
use crate::queue::bundle;
use crate::queue::fresh::KEEP;
use crate::sched::counts::Counts;
use crate::sched::{global_push, idle, park, share, start};
use crate::stack::{self, Class};

/// Numbers are given out to Ms in batches.
const ID_BATCH: u64 = 64;
static NEXT_ID: AtomicU64 = AtomicU64::new(MAIN_ID + 1);
/// Goroutines started by plain threads.
static STARTED_OUTSIDE: AtomicU64 = AtomicU64::new(0);
/// Records for plain threads.
static RECORDS: Mutex<(FreeList, bundle::Cache)> = Mutex::new((FreeList::new(), bundle::Cache::new()));

/// What a `go` may say about the new goroutine.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// Its name in dumps.
    pub(crate) name: Option<Name>,
    /// Its stack.
    pub(crate) class: Option<Class>,
}

/// Starts a goroutine.
#[inline]
pub(crate) fn spawn<F: FnOnce() + Send + 'static>(f: F, wish: Wish, at: &'static Location<'static>) {
    // SAFETY: `F` is Send and 'static.
    unsafe { spawn_unchecked(f, wish, at) }
}

/// As [`spawn`], for closures that borrow.
///
/// # Safety
/// * What `f` borrows outlives its run, and it may run on another thread.
#[inline]
pub(crate) unsafe fn spawn_unchecked<F: FnOnce()>(f: F, wish: Wish, at: &'static Location<'static>) {
    match g::current() {
        // SAFETY: by contract.
        Some(current) => unsafe { spawn_here(current, f, wish, at) },
        // SAFETY: by contract.
        None => unsafe { spawn_outside(f, wish, at) },
    }
}

/// # Safety
/// * As [`spawn_unchecked`].
#[inline]
unsafe fn spawn_here<F: FnOnce()>(current: &'static G, f: F, wish: Wish, at: &'static Location<'static>) {
    park::check_goexit(current);
    let m = current.m();
    park::enter(m);
    // SAFETY: we run on this M's thread, as its goroutine.
    let own = unsafe { m.own() };
    let record = own.records.take(&mut own.bundles);
    let origin = Origin {
        id: next_id(&mut own.ids),
        parent: current.id.load(Ordering::Relaxed), // our own
        created_at: at,
        name: wish.name,
        class: wish.class.unwrap_or_else(stack::default_class),
    };
    // SAFETY: a free record of ours; the closure is Send by contract.
    unsafe { Record::fill(record, origin, f, || own.blocks.take()) };
    m.count(&m.started);
    queue(m, record);
    m.retake.exit();
}

/// A goroutine whose closure is about to return, and that has nothing which stays with its stack or its thread: see [`can_leave_stack`].
#[derive(Debug)]
pub(crate) struct Leaving {
    g: &'static G,
    parent: u64,
    created_at: &'static Location<'static>,
}

/// Whether `g`, the caller, can go on without its stack. For one whose closure is about to return.
pub(crate) fn can_leave_stack(g: &'static G) -> Option<Leaving> {
    let stays = g.has_baggage.get() || g.goexiting.get() || g.stays_home() || park::is_bound();
    let (parent, created_at) = g.origin().filter(|_| !stays)?;
    Some(Leaving { g, parent, created_at })
}

impl Leaving {
    /// The goroutine waits, at `at`, and then goes on as `rest`: without a stack meanwhile, and perhaps on another thread. `wait` sees
    /// to it that it is woken; false: it need not wait.
    ///
    /// # Safety
    /// * What `rest` borrows outlives its run, and it may run on another thread.
    /// * The caller does nothing more on the goroutine's account than to return from its closure.
    pub(crate) unsafe fn leave<F: FnOnce()>(
        self,
        at: &'static Location<'static>,
        why: Why,
        rest: F,
        wait: impl FnOnce(NonNull<Record>) -> bool,
    ) {
        let Leaving { g, parent, created_at } = self;
        let m = g.m();
        park::enter(m);
        // SAFETY: we run on this M's thread, as its goroutine.
        let own = unsafe { m.own() };
        let record = own.records.take(&mut own.bundles);
        let id = g.id.load(Ordering::Relaxed); // our own
        let origin = Origin { id, parent, created_at, name: g.take_name(), class: g.class };
        // SAFETY: a free record of ours; the closure is Send by contract.
        unsafe { Record::fill(record, origin, rest, || own.blocks.take()) };
        // SAFETY: filled just now, and ours.
        let filled = unsafe { record.as_ref() };
        filled.nap_begins(at, why);
        m.count(&m.naps); // before its stack is counted as ended
        if !wait(record) {
            filled.nap_ends();
            queue(m, record);
        }
        m.retake.exit();
    }
}

/// Makes a goroutine runnable that naps: it begins again, anywhere.
///
/// # Safety
/// * The caller has taken it off the list that it was in, and nobody else has it.
pub(crate) unsafe fn ready_napped(record: NonNull<Record>) {
    // SAFETY: ours by contract.
    unsafe { record.as_ref() }.nap_ends();
    match g::current() {
        Some(current) => {
            let m = current.m();
            park::enter(m);
            queue(m, record);
            m.retake.exit();
        }
        None => submit(record),
    }
}

/// Puts a goroutine that can begin where the M, in the runtime, has its unstarted ones.
#[inline(always)]
fn queue(m: &'static M, record: NonNull<Record>) {
    let Some(p) = m.p() else { return submit(record) };
    // SAFETY: we hold the P, in the runtime.
    let private = unsafe { p.private() };
    m.not_clear();
    private.fresh.push(record);
    let len = private.fresh.len();
    p.note_len(len);
    if len > KEEP || Counts::glance().hungry() {
        share::after_spawn(m, p, private);
    }
}

/// # Safety
/// * As [`spawn_unchecked`].
#[cold]
unsafe fn spawn_outside<F: FnOnce()>(f: F, wish: Wish, at: &'static Location<'static>) {
    start::start();
    let record = take_outside();
    let origin = Origin {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed), // a number: nothing to order
        parent: 0,
        created_at: at,
        name: wish.name,
        class: wish.class.unwrap_or_else(stack::default_class),
    };
    // SAFETY: a free record of ours; the closure is Send by contract.
    unsafe { Record::fill(record, origin, f, block::take_shared) };
    STARTED_OUTSIDE.fetch_add(1, Ordering::Relaxed); // statistics
    submit(record);
}

fn take_outside() -> NonNull<Record> {
    let (records, bundles) = &mut *RECORDS.lock();
    records.take(bundles)
}

fn submit(record: NonNull<Record>) {
    global_push(Chain::of(Runnable::unstarted(record)));
    idle::submitted();
}

#[inline]
fn next_id(ids: &mut (u64, u64)) -> u64 {
    if ids.0 == ids.1 {
        ids.0 = NEXT_ID.fetch_add(ID_BATCH, Ordering::Relaxed); // a number: nothing to order
        ids.1 = ids.0 + ID_BATCH;
    }
    ids.0 += 1;
    ids.0 - 1
}

/// Makes the main goroutine of the process, to be run by the calling M.
///
/// # Safety
/// * `f` may borrow nothing that ends before the process does.
pub(crate) unsafe fn make_main<F: FnOnce()>(f: F, at: &'static Location<'static>) -> Runnable {
    let record = take_outside();
    let origin = Origin { id: MAIN_ID, parent: 0, created_at: at, name: None, class: stack::default_class() };
    // SAFETY: a free record of ours; the main goroutine is started on this very thread.
    unsafe { Record::fill(record, origin, f, block::take_shared) };
    STARTED_OUTSIDE.fetch_add(1, Ordering::Relaxed); // statistics
    Runnable::unstarted(record)
}

/// How many goroutines there are: started by `go` and not ended, running or not.
pub(crate) fn live() -> usize {
    // Ends first: a goroutine that starts and ends in between must not make the difference negative.
    let (mut started, mut ended) = (0, 0);
    crate::gmp::m::for_each(|m| ended += m.ended.load(Ordering::Relaxed)); // statistics, here and below
    crate::gmp::m::for_each(|m| {
        started += m.started.load(Ordering::Relaxed) + m.naps.load(Ordering::Relaxed)
    });
    started += STARTED_OUTSIDE.load(Ordering::Relaxed);
    usize::try_from(started.saturating_sub(ended)).unwrap_or(usize::MAX)
}
