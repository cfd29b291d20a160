//! G: a started goroutine. Lives at the top of its own stack's slot, is found from the stack pointer, is never freed.
//!
//! States, and who owns the G in each:
//! ```text
//!  Dead     -> Running   start     from a free list, by the M that starts it
//!  Running  -> Waiting   park      the G is in a wait list; its stack is in use until the switch is done
//!  Waiting  -> Runnable  ready     by exactly one waker, which then owns the G
//!  Runnable -> Running   execute   by the M whose queue it is in
//!  Running  -> Runnable  gosched
//!  Running  -> Dead      goexit    back to a free list
//! ```
//! The status is written by the owner and read by dumps; ownership itself is handed over through locks and queues. Whether it is
//! Running or Runnable its M tells: it is the one that runs there.
//!
//! A G may be woken, and change owners, while its old M is still on its way off the stack. On that M nothing else can happen
//! meanwhile; another M that gets the G waits until it is off (`is_on_stack`, in `M::take_over`).
//!
//! What is `Cell` here belongs to the owner. What is atomic may be read by anyone, as a blurred picture: those loads and
//! stores are Relaxed, and nothing is decided by them unless the field's comment says so.

use core::cell::{Cell, UnsafeCell};
use core::num::NonZero;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::arch::{self, Context};
use crate::gmp::record::{Name, Why};
use crate::gmp::unwinding::Unwindings;
use crate::gmp::{M, Record};
use crate::queue::inbox::Node;
use crate::stack::{self, Class, Slot};
use crate::sys::spin::ByteLock;
use crate::sys::{clock, fetch};

/// Why a goroutine waits. The texts are Go's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WaitReason {
    /// Not waiting.
    None,
    ChanReceive,
    ChanReceiveNil,
    ChanSend,
    ChanSendNil,
    Select,
    SelectNoCases,
    Sleep,
    WaitGroup,
    Join,
    Scope,
    Blocking,
}

impl WaitReason {
    const ALL: [(WaitReason, &'static str); 12] = [
        (WaitReason::None, "waiting"),
        (WaitReason::ChanReceive, "chan receive"),
        (WaitReason::ChanReceiveNil, "chan receive (nil chan)"),
        (WaitReason::ChanSend, "chan send"),
        (WaitReason::ChanSendNil, "chan send (nil chan)"),
        (WaitReason::Select, "select"),
        (WaitReason::SelectNoCases, "select (no cases)"),
        (WaitReason::Sleep, "sleep"),
        (WaitReason::WaitGroup, "sync.WaitGroup.Wait"),
        (WaitReason::Join, "join"),
        (WaitReason::Scope, "scope"),
        (WaitReason::Blocking, "blocking call"),
    ];

    fn text(code: u8) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason as u8 == code).map_or("waiting", |(_, text)| text)
    }
}

/// How dumps call a goroutine that waits for this, without a stack.
pub(crate) fn nap_text(why: Why) -> &'static str {
    WaitReason::text(match why {
        Why::Sleep => WaitReason::Sleep,
        Why::Receive => WaitReason::ChanReceive,
    } as u8)
}

/// How a goroutine stops: for what it waits, in the lower byte, and whether it may not change threads meanwhile: its thread is panicking,
/// or it holds something of its thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How(u16);

impl How {
    const BOUND: u16 = 1 << 8;

    /// For nothing: it can go on at once.
    #[inline(always)]
    pub(crate) fn new(bound: bool) -> How {
        How(u16::from(bound) * Self::BOUND)
    }

    /// For this reason.
    #[inline(always)]
    pub(crate) fn with(self, reason: WaitReason) -> How {
        How(self.0 | reason as u16)
    }

    fn is_bound(self) -> bool {
        self.0 & Self::BOUND != 0
    }

    fn text(self) -> &'static str {
        WaitReason::text(self.0 as u8)
    }
}

/// What makes a goroutine that stops findable for its waker: the last thing that it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Commit {
    /// Nothing to do: nobody wakes it, or whoever does knows it already.
    Nothing,
    /// Give back the lock under which the goroutine entered a wait list.
    Unlock(NonNull<ByteLock>),
    /// Call this.
    Call(fn(usize), usize),
}

/// From when a goroutine goes on until it stops: on which M, and how often that had changed goroutines. As long as it is the same one,
/// nobody else has run on the thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    m: usize,
    changes: u32,
}

const DEAD: u8 = 0;
/// Running or Runnable: it runs if its M says so.
const LIVE: u8 = 1;
const WAITING: u8 = 2;

/// The header of a goroutine's stack. What stopping and going on touch is in the first line, birth and death touch the second
/// one too.
#[repr(C, align(64))]
pub(crate) struct G {
    /// Where its stack has stopped, and how: the note is a [`How`].
    context: Context,
    /// The M it runs on, or ran on last: its home. Written by the M that executes it; a waker reads it to find the inbox.
    m: AtomicPtr<M>,
    pub(crate) link: Cell<usize>,
    parked_at: AtomicPtr<Location<'static>>,
    since_ms: AtomicU64,
    /// How many `pin` calls are in progress.
    pub(crate) pinned: Cell<u32>,
    /// How many `lock_os_thread` calls are not undone.
    pub(crate) locked: AtomicU32,
    status: AtomicU8,
    /// `goexit` has begun; whoever swallows the unwinding gets it again.
    pub(crate) goexiting: Cell<bool>,
    // -- second line --
    node: Node,
    /// It has had locals or panics: they are to be looked at when it ends.
    pub(crate) has_baggage: Cell<bool>,
    has_name: AtomicBool,
    /// Which stack it has.
    pub(crate) class: Class,
    pub(crate) record: Cell<Option<NonNull<Record>>>,
    /// Its number; zero while dead. Also the mark that this header was ever used.
    pub(crate) id: AtomicU64,
    pub(crate) parent: AtomicU64,
    created_at: AtomicPtr<Location<'static>>,
    // -- cold --
    slot: Cell<Option<Slot>>,
    name: Mutex<Option<Name>>,
    /// Its panics in flight.
    unwindings: UnsafeCell<Unwindings>,
    /// The goroutine's locals.
    locals: UnsafeCell<Vec<Local>>,
}

/// One goroutine-local value: the key's address, and the value.
pub(crate) type Local = (usize, Box<dyn core::any::Any>);

const _: () = assert!(size_of::<G>() <= stack::HEADER_SIZE);
const _: () = assert!(core::mem::offset_of!(G, node) == 64 && core::mem::offset_of!(G, slot) <= 128);

// SAFETY: cells are touched by the owner only, and ownership is handed over through locks and queues.
unsafe impl Sync for G {}

impl core::fmt::Debug for G {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("G").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The goroutine on whose stack the caller runs. `None` on any other stack.
#[inline(always)]
pub(crate) fn current() -> Option<&'static G> {
    let header = stack::header_of(arch::stack_pointer())?;
    // SAFETY: code runs on a slot's stack only after `G::init` has made its header, which is never freed.
    Some(unsafe { header.cast::<G>().as_ref() })
}

impl G {
    /// Makes a goroutine's header and context in a slot that was never used.
    pub(crate) fn init(slot: Slot, entry: arch::Entry) -> &'static G {
        let header = slot.header().cast::<G>();
        // SAFETY: the slot is guarded at its low end and ours for ever; the base is the header.
        let sp = unsafe { arch::prepare(slot.base(), entry, header.as_ptr().cast()) };
        let blank = G {
            context: Context::new(sp),
            m: AtomicPtr::new(core::ptr::null_mut()),
            link: Cell::new(0),
            parked_at: AtomicPtr::new(core::ptr::null_mut()),
            since_ms: AtomicU64::new(0),
            pinned: Cell::new(0),
            locked: AtomicU32::new(0),
            status: AtomicU8::new(DEAD),
            goexiting: Cell::new(false),
            node: Node::new(header.as_ptr() as usize),
            has_baggage: Cell::new(false),
            has_name: AtomicBool::new(false),
            class: slot.class(),
            record: Cell::new(None),
            id: AtomicU64::new(0),
            parent: AtomicU64::new(0),
            created_at: AtomicPtr::new(core::ptr::null_mut()),
            slot: Cell::new(Some(slot)),
            name: Mutex::new(None),
            unwindings: UnsafeCell::new(Unwindings::new(true)),
            locals: UnsafeCell::new(Vec::new()),
        };
        // SAFETY: the slot is ours alone, its header area is committed, large enough and 64-aligned.
        unsafe { header.as_ptr().write(blank) };
        // SAFETY: written just now; slots are never unmapped.
        unsafe { header.as_ref() }
    }

    /// Takes over the record's number and origin. Its name, if it has one, is for [`adopt_name`](Self::adopt_name).
    #[inline]
    pub(crate) fn adopt(&self, record: NonNull<Record>) {
        // SAFETY: the caller owns the record: it took it from a queue.
        let r = unsafe { record.as_ref() };
        self.parent.store(r.parent(), Ordering::Relaxed); // Relaxed throughout: for dumps
        let at = r.created_at().map_or(core::ptr::null_mut(), |at| core::ptr::from_ref(at).cast_mut());
        self.created_at.store(at, Ordering::Relaxed);
        self.status.store(LIVE, Ordering::Relaxed);
        self.id.store(r.id.load(Ordering::Relaxed), Ordering::Relaxed);
        self.record.set(Some(record));
    }

    /// Takes over the record's name.
    #[cold]
    #[inline(never)]
    pub(crate) fn adopt_name(&self, record: NonNull<Record>) {
        // SAFETY: as in `adopt`.
        *self.name.lock() = unsafe { record.as_ref() }.take_name();
        self.has_name.store(true, Ordering::Relaxed); // for dumps
    }

    /// Runs it until somebody switches back to the M's own stack, the caller's.
    ///
    /// # Safety
    /// * The caller owns this G, is an M on its own stack, and has checked that the G may run on this thread.
    #[inline(always)]
    pub(crate) unsafe fn resume(&self, own: &Context) {
        // SAFETY: the caller owns the G, which has stopped, or has been prepared by `init`.
        unsafe { arch::switch(own, self.context.stopped_at()) };
    }

    /// Leaves the stack for the one that stopped at `to`; comes back when somebody switches to it again.
    ///
    /// Always inlined, up to the user's own function: the CPU predicts a return from the calls it has seen on *any* stack,
    /// so that every frame between the user's loop and the switch costs two mispredicted returns per switch, 10 ns.
    ///
    /// # Safety
    /// * The caller runs on this G's stack and has called [`begins_to_stop`](Self::begins_to_stop).
    /// * `to` is where a stack has stopped that the caller's M owns and that may run on this thread.
    #[inline(always)]
    pub(crate) unsafe fn switch(&self, to: NonZero<usize>) {
        // SAFETY: by contract.
        unsafe { arch::switch(&self.context, to.get()) };
    }

    /// It stops: from now on it may be woken, but runs nowhere else before its stack is free. On its own stack, before whatever
    /// makes it findable.
    #[inline(always)]
    pub(crate) fn begins_to_stop(&self, how: How) {
        self.context.begins_to_stop(how.0);
    }

    /// It goes on after all, without having left its stack.
    #[inline(always)]
    pub(crate) fn does_not_stop(&self) {
        self.context.does_not_stop();
    }

    /// Whether its last M is still on its stack. By its owner, on another M.
    pub(crate) fn is_on_stack(&self) -> bool {
        self.context.is_in_use()
    }

    /// Whether it may not leave its thread, whatever is on its stack. By its owner, while it is not running.
    pub(crate) fn stays_home(&self) -> bool {
        let how = How(self.context.note());
        self.pinned.get() != 0 || how.is_bound() || self.locked.load(Ordering::Relaxed) != 0
    }

    /// Calls `f`, which calls no code of the program, with its panics in flight. By code on its own stack.
    #[inline]
    pub(crate) fn unwindings<T>(&self, f: impl FnOnce(&mut Unwindings) -> T) -> T {
        self.has_baggage.set(true);
        // SAFETY: only the goroutine itself touches them, and `f` does not come back here.
        f(unsafe { &mut *self.unwindings.get() })
    }

    /// Calls `f`, which calls no code of the program, with its locals. By code on its own stack.
    pub(crate) fn locals<T>(&self, f: impl FnOnce(&mut Vec<Local>) -> T) -> T {
        self.has_baggage.set(true);
        // SAFETY: only the goroutine itself touches them, and `f` does not come back here.
        f(unsafe { &mut *self.locals.get() })
    }

    /// Has the cache fetch the header: what its waker touches, the M that runs it, and its end.
    #[inline]
    pub(crate) fn fetch(&self) {
        fetch::lines(core::ptr::from_ref(self) as usize, 2); // the rest is cold
    }

    /// Has the cache fetch its link in a chain, and what is beside it.
    #[inline]
    pub(crate) fn fetch_link(&self) {
        fetch::soon(&raw const self.link);
    }

    /// Has the cache fetch the innermost frames of a parked goroutine. By its owner, some time after [`fetch`](Self::fetch).
    #[inline]
    pub(crate) fn fetch_stack(&self) {
        const FRAMES: usize = 8;
        fetch::lines(self.context.stopped_at(), FRAMES);
    }

    /// Has the cache fetch its header, and the line where its stack goes on. By its owner.
    #[inline(always)]
    pub(crate) fn fetch_top(&self) {
        fetch::lines(self.context.stopped_at(), 1);
    }

    /// The M it runs on or ran on last.
    #[inline(always)]
    pub(crate) fn m(&self) -> &'static M {
        // SAFETY: `set_m` stores only live Ms, which are never freed, before the G first runs.
        unsafe { &*self.m.load(Ordering::Relaxed) } // ownership of the G orders it; see the field
    }

    /// The present turn. On its own stack.
    pub(crate) fn turn(&self) -> Turn {
        let m = self.m();
        Turn { m: core::ptr::from_ref(m).addr(), changes: m.changes() }
    }

    /// Makes `m` its home.
    #[inline(always)]
    pub(crate) fn set_m(&self, m: &'static M) {
        self.m.store(core::ptr::from_ref(m).cast_mut(), Ordering::Relaxed); // as in `m`
    }

    /// Its link in an inbox.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The part of the stack in use by a parked goroutine.
    ///
    /// # Safety
    /// * The caller owns this G, and it is not running and [off its stack](Self::is_on_stack).
    pub(crate) unsafe fn parked_stack(&self) -> &[usize] {
        // What is below is dead: a thread-local's address, left there by a call that is over, would keep the goroutine at home.
        let low = self.context.stopped_at();
        let high = core::ptr::from_ref(self) as usize;
        let words = high.saturating_sub(low) / size_of::<usize>();
        // SAFETY: both ends lie in this G's committed slot, and nobody writes while the G is parked.
        unsafe { core::slice::from_raw_parts(low as *const usize, words) }
    }

    /// Where its stack ends while it does not run.
    pub(crate) fn parked_sp(&self) -> usize {
        self.context.stopped_at()
    }

    /// Where its stack goes on. By its owner.
    #[inline(always)]
    pub(crate) fn stopped_at(&self) -> NonZero<usize> {
        // SAFETY: an address in its stack, since `init`.
        unsafe { NonZero::new_unchecked(self.context.stopped_at()) }
    }

    /// The slot that it lives in.
    pub(crate) fn slot(&self) -> Option<Slot> {
        self.slot.get()
    }

    // The arrows of the status. Relaxed: for dumps, see the head of this file.

    /// Running -> Waiting.
    #[inline(always)]
    pub(crate) fn now_waiting(&self, at: &'static Location<'static>) {
        self.parked_at.store(core::ptr::from_ref(at).cast_mut(), Ordering::Relaxed);
        self.since_ms.store(clock::coarse_ms(), Ordering::Relaxed);
        self.status.store(WAITING, Ordering::Relaxed);
    }

    /// Waiting -> Runnable.
    #[inline(always)]
    pub(crate) fn now_runnable(&self) {
        self.status.store(LIVE, Ordering::Relaxed);
    }

    /// Running -> Dead.
    #[inline]
    pub(crate) fn now_dead(&self) {
        self.status.store(DEAD, Ordering::Relaxed);
        self.id.store(0, Ordering::Relaxed);
        if self.has_name.load(Ordering::Relaxed) {
            self.drop_name();
        }
    }

    /// Takes its name, for a record that goes on as this goroutine.
    pub(crate) fn take_name(&self) -> Option<Name> {
        if self.has_name.load(Ordering::Relaxed) { self.name.lock().take() } else { None } // our own
    }

    #[cold]
    fn drop_name(&self) {
        self.has_name.store(false, Ordering::Relaxed); // for dumps
        *self.name.lock() = None;
    }

    /// Who started it, and where. Async-signal-safe.
    pub(crate) fn origin(&self) -> Option<(u64, &'static Location<'static>)> {
        // SAFETY: null or made from a `&'static Location`.
        let at = unsafe { self.created_at.load(Ordering::Relaxed).as_ref() }?;
        Some((self.parent.load(Ordering::Relaxed), at))
    }

    /// Whether its M says that it runs. For dumps.
    fn runs_now(&self) -> bool {
        // SAFETY: null, or an M, which is never freed.
        let m = unsafe { self.m.load(Ordering::Relaxed).as_ref() };
        m.is_some_and(|m| core::ptr::eq(m.running.load(Ordering::Relaxed), self))
    }

    /// Whether `sp`, an address on the stack of the caller, who runs as this goroutine, is on its own stack, and not on one that the
    /// program has switched to by itself. Such a caller cannot park: it blocks its thread.
    pub(crate) fn is_on(&self, sp: usize) -> bool {
        stack::header_of(sp).is_some_and(|header| core::ptr::eq(header.cast::<G>().as_ptr(), self))
    }

    /// Whether that is surely so: `sp` is near the header. False is no answer.
    #[inline(always)]
    pub(crate) fn is_near(&self, sp: usize) -> bool {
        // Slots are no smaller than that, and aligned.
        (core::ptr::from_ref(self).addr() ^ sp) < Class::K64.size()
    }

    /// What a dump says of it. `None` when it is dead.
    pub(crate) fn picture(&self) -> Option<Picture> {
        let id = self.id.load(Ordering::Relaxed);
        let status = self.status.load(Ordering::Relaxed);
        if id == 0 || status == DEAD {
            return None;
        }
        let place = |at: &AtomicPtr<Location<'static>>| {
            // SAFETY: null or made from a `&'static Location`.
            unsafe { at.load(Ordering::Relaxed).as_ref() }
        };
        let waiting = status == WAITING;
        Some(Picture {
            id,
            parent: self.parent.load(Ordering::Relaxed),
            state: match status {
                WAITING => How(self.context.note()).text(),
                _ if self.runs_now() => "running",
                _ => "runnable",
            },
            waiting_ms: if waiting {
                clock::coarse_ms().saturating_sub(self.since_ms.load(Ordering::Relaxed))
            } else {
                0
            },
            locked: self.locked.load(Ordering::Relaxed) != 0,
            name: self.name.try_lock().and_then(|name| name.as_ref().map(|name| name.to_string())),
            parked_at: if waiting { place(&self.parked_at) } else { None },
            created_at: place(&self.created_at),
        })
    }
}

/// A goroutine as a dump shows it.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) state: &'static str,
    pub(crate) waiting_ms: u64,
    pub(crate) locked: bool,
    pub(crate) name: Option<String>,
    pub(crate) parked_at: Option<&'static Location<'static>>,
    pub(crate) created_at: Option<&'static Location<'static>>,
}

/// Every header that was ever used, as of some moment during the call.
pub(crate) fn for_each(mut f: impl FnMut(&'static G)) {
    stack::for_each_header(|header| {
        // SAFETY: the header area of a slot that was handed out is committed, and either still zero (then `id` reads 0,
        // and nothing but the atomic `id` is touched) or holds a G, which is never freed.
        let id = unsafe { &(*header.cast::<G>().as_ptr()).id };
        if id.load(Ordering::Relaxed) != 0 {
            // SAFETY: a non-zero id is stored only after `init`.
            f(unsafe { header.cast::<G>().as_ref() });
        }
    });
}
