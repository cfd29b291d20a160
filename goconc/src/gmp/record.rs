//! `Record`: a goroutine that has not started: its closure, and where it came from.
//!
//! Records come from per-M free lists and go back to the free list of the M that starts the goroutine, before its
//! closure runs, so that the next `go!` finds a block that is hot in the cache. The blocks come from slabs that are
//! never freed; a dump walks the slabs and reads the atomic fields.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::stack::{self, Class};

/// Number of the main goroutine.
pub(crate) const MAIN_ID: u64 = 1;

/// Closures up to this many words live inside the record; larger ones are boxed.
const INLINE_WORDS: usize = 8;

/// A name given by `go!(name = ..)`: boxed, so that one word holds it.
pub(crate) type Name = Box<std::borrow::Cow<'static, str>>;

/// Moves a closure out of its record, hands the record to the second argument, runs the closure.
type Run = unsafe fn(NonNull<Record>, &mut dyn FnMut(NonNull<Record>));

/// An unstarted goroutine.
#[repr(C, align(64))]
pub(crate) struct Record {
    /// The next in a chain or a free list. Owned by whoever owns the record.
    pub(crate) link: Cell<usize>,
    /// Moves the closure out, frees the record, runs the closure.
    run: Cell<Run>,
    /// Its id; zero while the record is free. Atomic for dumps.
    pub(crate) id: AtomicU64,
    /// Who started it.
    pub(crate) parent: AtomicU64,
    /// Where it was started. Atomic for dumps.
    created_at: AtomicPtr<Location<'static>>,
    /// The name, or null.
    pub(crate) name: Cell<Option<Name>>,
    /// The class of stack it wants.
    pub(crate) class: Cell<Class>,
    /// The closure, or a box of it.
    closure: UnsafeCell<[MaybeUninit<usize>; INLINE_WORDS]>,
}

// SAFETY: a record is owned by one thread at a time; what bystanders (dumps) read is atomic.
unsafe impl Sync for Record {}
// SAFETY: the closure inside is `Send` (demanded by `Record::fill`), the rest is plain data.
unsafe impl Send for Record {}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Record").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where a goroutine comes from, and what it wants.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Its own number.
    pub(crate) id: u64,
    /// The number of the goroutine that started it; zero when a plain thread did.
    pub(crate) parent: u64,
    /// Where.
    pub(crate) created_at: &'static Location<'static>,
    /// How it is called in dumps.
    pub(crate) name: Option<Name>,
    /// How large a stack.
    pub(crate) class: Class,
}

impl Record {
    fn empty() -> Record {
        Record {
            link: Cell::new(0),
            run: Cell::new(run_nothing),
            id: AtomicU64::new(0),
            parent: AtomicU64::new(0),
            created_at: AtomicPtr::new(core::ptr::null_mut()),
            name: Cell::new(None),
            class: Cell::new(stack::default_class()),
            closure: UnsafeCell::new([MaybeUninit::uninit(); INLINE_WORDS]),
        }
    }

    /// Puts a goroutine into a free record.
    ///
    /// # Safety
    /// * `this` came from a free list and is owned by the caller.
    /// * `F` is `Send`, or stays on this thread by other means.
    #[inline]
    pub(crate) unsafe fn fill<F: FnOnce()>(this: NonNull<Record>, origin: Origin, f: F) {
        // SAFETY: owned by contract.
        let record = unsafe { this.as_ref() };
        record.id.store(origin.id, Ordering::Relaxed); // for dumps only; the queue publishes the record itself
        record.parent.store(origin.parent, Ordering::Relaxed); // as above
        record.created_at.store(core::ptr::from_ref(origin.created_at).cast_mut(), Ordering::Relaxed); // as above
        if origin.name.is_some() {
            record.name.set(origin.name);
        }
        record.class.set(origin.class);
        let slot = record.closure.get();
        // Decided by the compiler, so that there is no code for the other case: it would be compiled for every closure.
        if const { size_of::<F>() <= INLINE_WORDS * size_of::<usize>() && align_of::<F>() <= align_of::<usize>() }
        {
            // SAFETY: it fits, it is aligned, and the record was free, so nothing is overwritten.
            unsafe { slot.cast::<F>().write(f) };
            record.run.set(run_inline::<F>);
        } else {
            // SAFETY: a box of a sized type is one word; otherwise as above.
            unsafe { slot.cast::<Box<F>>().write(Box::new(f)) };
            record.run.set(run_boxed::<F>);
        }
    }

    /// Where the goroutine was started. `None` for a record that was never used.
    pub(crate) fn created_at(&self) -> Option<&'static Location<'static>> {
        let at = self.created_at.load(Ordering::Relaxed); // points at a constant of the program: nothing to order
        // SAFETY: null, or made from a `&'static Location`.
        unsafe { at.as_ref() }
    }

    /// Moves the closure out, hands the record to `free`, and runs the closure.
    ///
    /// # Safety
    /// * The record was filled, is owned by the caller, and this is called once per fill.
    #[inline]
    pub(crate) unsafe fn run(this: NonNull<Record>, free: &mut dyn FnMut(NonNull<Record>)) {
        // SAFETY: owned by contract.
        let run = unsafe { this.as_ref() }.run.get();
        // SAFETY: `fill` stored the function that matches the closure.
        unsafe { run(this, free) }
    }
}

unsafe fn run_nothing(_: NonNull<Record>, _: &mut dyn FnMut(NonNull<Record>)) {}

unsafe fn run_inline<F: FnOnce()>(this: NonNull<Record>, free: &mut dyn FnMut(NonNull<Record>)) {
    // SAFETY: owned by the caller of `Record::run`.
    let slot = unsafe { this.as_ref() }.closure.get();
    // SAFETY: `fill` wrote an `F` here, and it is read once.
    let f = unsafe { slot.cast::<F>().read() };
    free(this);
    f();
}

unsafe fn run_boxed<F: FnOnce()>(this: NonNull<Record>, free: &mut dyn FnMut(NonNull<Record>)) {
    // SAFETY: owned by the caller of `Record::run`.
    let slot = unsafe { this.as_ref() }.closure.get();
    // SAFETY: `fill` wrote a `Box<F>` here, and it is read once.
    let f = unsafe { slot.cast::<Box<F>>().read() };
    free(this);
    f();
}

/// Records per slab, and per move between a free list and the depot.
pub(crate) const BATCH: usize = 64;

struct Depot {
    /// Full batches, each linked through `link`, by their head.
    batches: Vec<NonNull<Record>>,
    /// Every slab, for dumps.
    slabs: Vec<NonNull<Record>>,
}

// SAFETY: the pointers lead to records that nobody owns (batches) or whose fields are atomic for bystanders (slabs).
unsafe impl Send for Depot {}

static DEPOT: Mutex<Depot> = Mutex::new(Depot { batches: Vec::new(), slabs: Vec::new() });

/// A free list. Owned by one thread.
#[derive(Debug, Default)]
pub(crate) struct FreeList {
    head: usize,
    len: usize,
}

impl FreeList {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        FreeList { head: 0, len: 0 }
    }

    /// Takes a record, from the depot or a new slab when the list is empty.
    #[inline]
    pub(crate) fn take(&mut self) -> NonNull<Record> {
        if self.head == 0 {
            self.refill();
        }
        // SAFETY: `refill` and `give` store addresses of records only.
        let record = unsafe { NonNull::new_unchecked(self.head as *mut Record) };
        // SAFETY: a record in our list is ours.
        self.head = unsafe { record.as_ref() }.link.get();
        self.len -= 1;
        record
    }

    /// Gives a record back; a list that grows beyond a few batches hands one to the depot.
    ///
    /// # Safety
    /// * The record is owned by the caller and holds no closure.
    #[inline]
    pub(crate) unsafe fn give(&mut self, record: NonNull<Record>) {
        // SAFETY: owned by contract.
        let r = unsafe { record.as_ref() };
        r.id.store(0, Ordering::Relaxed); // for dumps: this record is free
        r.link.set(self.head);
        self.head = record.as_ptr() as usize;
        self.len += 1;
        if self.len >= 8 * BATCH {
            self.spill();
        }
    }

    #[cold]
    fn spill(&mut self) {
        let mut depot = DEPOT.lock();
        while self.len > 4 * BATCH {
            let first = self.take();
            let mut last = first;
            for _ in 1..BATCH {
                let next = self.take();
                // SAFETY: both records are ours, taken off our list.
                unsafe { last.as_ref() }.link.set(next.as_ptr() as usize);
                last = next;
            }
            // SAFETY: as above.
            unsafe { last.as_ref() }.link.set(0);
            depot.batches.push(first);
        }
    }

    #[cold]
    fn refill(&mut self) {
        let mut depot = DEPOT.lock();
        let first = depot.batches.pop().unwrap_or_else(|| {
            let slab: &'static mut [Record] = Vec::leak((0..BATCH).map(|_| Record::empty()).collect());
            let addresses: Vec<usize> = slab.iter().map(|r| core::ptr::from_ref(r) as usize).collect();
            for (record, next) in slab.iter().zip(addresses.iter().skip(1).chain(&[0])) {
                record.link.set(*next);
            }
            let first = NonNull::from(&mut slab[0]);
            depot.slabs.push(first);
            first
        });
        self.head = first.as_ptr() as usize;
        self.len = BATCH;
    }
}

/// Shows every record that holds an unstarted goroutine, as of some moment during the call.
pub(crate) fn for_each_unstarted(mut f: impl FnMut(&Record)) {
    let slabs = DEPOT.lock().slabs.clone();
    for slab in slabs {
        for i in 0..BATCH {
            // SAFETY: a slab has BATCH records.
            let record = unsafe { slab.add(i) };
            // SAFETY: slabs are never freed, and bystanders read atomic fields only.
            let record = unsafe { record.as_ref() };
            // Relaxed: a dump of a running program is a blurred picture anyway.
            if record.id.load(Ordering::Relaxed) != 0 {
                f(record);
            }
        }
    }
}
