//! `Record`: a goroutine that has not started: its closure, and where it came from. One cache line.
//!
//! Records come from per-M free lists and go back to the free list of the M that starts the goroutine, before its
//! closure runs, so that the next `go!` finds a block that is hot in the cache. The records come from slabs that are
//! never freed; a dump walks the slabs and reads the atomic fields.
//!
//! A closure of up to three words lives in the record, one of up to a cache line in a block beside it, any other in a box. Which
//! it is, and how to get it out again, only `run` knows. Names are rare, and kept apart.
//!
//! A goroutine that **naps** is in here a second time: it has begun, with a sleep, and what it does afterwards is a closure again. Then
//! `link`, which no queue needs meanwhile, is the place of the sleep.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::block::{self, Block};
use crate::gmp::M;
use crate::queue::bundle::{self, Bundle};
use crate::stack::Class;
use crate::sys::{fetch, slab};

/// Number of the main goroutine.
pub(crate) const MAIN_ID: u64 = 1;

/// Closures up to this many words live inside the record.
const INLINE_WORDS: usize = 3;

/// A name given by `go!(name = ..)`: boxed, so that one word holds it.
pub(crate) type Name = Box<std::borrow::Cow<'static, str>>;

/// The names of goroutines that have not started, by their numbers.
static NAMES: Mutex<BTreeMap<u64, Name>> = Mutex::new(BTreeMap::new());

/// Moves a closure out of its record, gives what held it to the M, runs the closure.
type Run = unsafe fn(NonNull<Record>, &'static M);

/// An unstarted goroutine.
#[repr(C, align(64))]
pub(crate) struct Record {
    /// The next in a chain, or where it naps. Owned by whoever owns the record. Atomic for dumps.
    link: AtomicUsize,
    /// Moves the closure out, frees the record, runs the closure.
    run: Cell<Run>,
    /// Its id; zero while the record is free. Atomic for dumps.
    pub(crate) id: AtomicU64,
    /// Where it was started. Atomic for dumps.
    created_at: AtomicPtr<Location<'static>>,
    /// Who started it, whether it has a name, whether it naps, and the class of stack it wants, in this order from the top. Atomic
    /// for dumps.
    kin: AtomicU64,
    /// The closure, or a pointer to where it is.
    closure: UnsafeCell<[MaybeUninit<usize>; INLINE_WORDS]>,
}

const _: () = assert!(size_of::<Record>() == 64);

/// In `kin`: it has a name, which is in [`NAMES`].
const NAMED: u64 = 1 << 7;
/// In `kin`: it naps.
const NAPS: u64 = 1 << 6;
/// In `kin`: it naps until it has received something.
const RECEIVES: u64 = 1 << 5;
/// In `kin`: the number of the class.
const CLASS: u64 = RECEIVES - 1;

const _: () = assert!(Class::COUNT <= CLASS as usize);

/// What a goroutine naps for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Time.
    Sleep,
    /// A value from a channel.
    Receive,
}
/// In `kin`: where the number of the goroutine that started it begins.
const PARENT: u32 = 8;

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

#[cold]
fn keep_name(id: u64, name: Name) {
    NAMES.lock().insert(id, name);
}

impl Record {
    fn empty() -> Record {
        Record {
            link: AtomicUsize::new(0),
            run: Cell::new(run_nothing),
            id: AtomicU64::new(0),
            created_at: AtomicPtr::new(core::ptr::null_mut()),
            kin: AtomicU64::new(0),
            closure: UnsafeCell::new([MaybeUninit::uninit(); INLINE_WORDS]),
        }
    }

    /// Puts a goroutine into a free record. `block` gives a free block, if one is needed.
    ///
    /// # Safety
    /// * `this` came from a free list and is owned by the caller.
    /// * `F` is `Send`, or stays on this thread by other means.
    #[inline]
    pub(crate) unsafe fn fill<F: FnOnce()>(
        this: NonNull<Record>,
        origin: Origin,
        f: F,
        block: impl FnOnce() -> NonNull<Block>,
    ) {
        // SAFETY: owned by contract.
        let record = unsafe { this.as_ref() };
        record.begin(origin);
        // Which it is, the compiler decides, so that there is no code for the other two: it would be compiled for every closure.
        if const { size_of::<F>() <= INLINE_WORDS * size_of::<usize>() && align_of::<F>() <= align_of::<usize>() }
        {
            record.hold(f, run_inline::<F>);
        } else if const { size_of::<F>() <= block::SIZE && align_of::<F>() <= block::SIZE } {
            let place = block().cast::<F>();
            // SAFETY: a free block, large and aligned enough.
            unsafe { place.write(f) };
            record.hold(place, run_in_block::<F>);
        } else {
            record.hold(Box::new(f), run_boxed::<F>);
        }
    }

    /// Notes where the goroutine comes from.
    #[inline(always)]
    fn begin(&self, origin: Origin) {
        let Origin { id, parent, created_at, name, class } = origin;
        let mut kin = parent << PARENT | class.index() as u64;
        if let Some(name) = name {
            keep_name(id, name);
            kin |= NAMED;
        }
        self.id.store(id, Ordering::Release); // pairs with the Acquire in `nap`; the queue publishes the record itself
        self.created_at.store(core::ptr::from_ref(created_at).cast_mut(), Ordering::Relaxed); // as above
        self.kin.store(kin, Ordering::Relaxed); // as above
    }

    /// Keeps `content`, which is the closure or leads to it, and which `run` takes.
    #[inline(always)]
    fn hold<C>(&self, content: C, run: Run) {
        // SAFETY: it fits, by the test of `fill` or because it is a pointer; the record was free, so nothing is overwritten.
        unsafe { self.closure.get().cast::<C>().write(content) };
        self.run.set(run);
    }

    /// Takes what [`hold`](Self::hold) has kept.
    ///
    /// # Safety
    /// * The record is owned by the caller and holds a `C`, which is not used again.
    #[inline(always)]
    unsafe fn release<C>(this: NonNull<Record>) -> C {
        // SAFETY: owned by contract.
        let slot = unsafe { this.as_ref() }.closure.get();
        // SAFETY: by contract.
        unsafe { slot.cast::<C>().read() }
    }

    /// Where the goroutine was started. `None` for a record that was never used.
    pub(crate) fn created_at(&self) -> Option<&'static Location<'static>> {
        let at = self.created_at.load(Ordering::Relaxed); // points at a constant of the program: nothing to order
        // SAFETY: null, or made from a `&'static Location`.
        unsafe { at.as_ref() }
    }

    /// Who started it; zero: a plain thread.
    #[inline]
    pub(crate) fn parent(&self) -> u64 {
        self.kin.load(Ordering::Relaxed) >> PARENT // for dumps
    }

    /// The class of stack it wants. By the owner.
    #[inline]
    pub(crate) fn class(&self) -> Class {
        Class::from_index((self.kin.load(Ordering::Relaxed) & CLASS) as usize) // written by who owned it before us
    }

    /// See the field. By the owner.
    #[inline]
    pub(crate) fn link(&self) -> usize {
        self.link.load(Ordering::Relaxed) // handed over with the record
    }

    /// See the field. By the owner.
    #[inline]
    pub(crate) fn set_link(&self, word: usize) {
        self.link.store(word, Ordering::Relaxed); // as in `link`; after a nap see `nap_ends`
    }

    /// It naps, at `at`, and is in no queue until [`nap_ends`](Self::nap_ends). By the owner, before a timer or a list has it.
    pub(crate) fn nap_begins(&self, at: &'static Location<'static>, why: Why) {
        self.set_link(core::ptr::from_ref(at).expose_provenance());
        let kin = self.kin.load(Ordering::Relaxed) | NAPS | if why == Why::Receive { RECEIVES } else { 0 }; // ours
        self.kin.store(kin, Ordering::Release); // pairs with the Acquires in `nap`: the place, and before it the number
    }

    /// It can be queued, and run.
    pub(crate) fn nap_ends(&self) {
        let kin = self.kin.load(Ordering::Relaxed) & !(NAPS | RECEIVES); // ours
        self.kin.store(kin, Ordering::Relaxed); // the fence orders it
        fence(Ordering::Release); // pairs with the fence in `nap`: who sees a later link sees that the nap is over
    }

    /// Where it naps, and for what, if it does. For dumps.
    pub(crate) fn nap(&self) -> Option<(&'static Location<'static>, Why)> {
        // A goroutine naps once. So if the number is the same before and after, and it naps both times, it did in between.
        let id = self.id.load(Ordering::Acquire); // pairs with the Release in `begin`: no nap of an earlier one is seen
        let naps = || {
            let kin = self.kin.load(Ordering::Acquire); // pairs with the Release in `nap_begins`
            (kin & NAPS != 0).then_some(if kin & RECEIVES != 0 { Why::Receive } else { Why::Sleep })
        };
        let napped = naps().filter(|_| id != 0); // free, and free again, is not the same in between
        let at = self.link.load(Ordering::Relaxed); // the fence orders it
        fence(Ordering::Acquire); // pairs with the fence in `nap_ends`
        let still = naps().is_some() && self.id.load(Ordering::Relaxed) == id; // not before the load of `kin`, an Acquire
        let at = core::ptr::with_exposed_provenance::<Location<'static>>(at);
        // SAFETY: it has napped all the time, so this was made from a `&'static Location` by `nap_begins`.
        napped.filter(|_| still).map(|why| (unsafe { &*at }, why))
    }

    /// Whether that is `class`.
    #[inline]
    pub(crate) fn wants(&self, class: Class) -> bool {
        self.kin.load(Ordering::Relaxed) & CLASS == class.index() as u64 // as in `class`
    }

    /// Whether it has a name. By the owner.
    #[inline(always)]
    pub(crate) fn has_name(&self) -> bool {
        self.kin.load(Ordering::Relaxed) & NAMED != 0 // as in `class`
    }

    /// Takes the name, if there is one. By the owner.
    pub(crate) fn take_name(&self) -> Option<Name> {
        NAMES.lock().remove(&self.id.load(Ordering::Relaxed)) // our own
    }

    /// A copy of its name, if it has one, and nobody is at the names just now. For dumps.
    pub(crate) fn name(&self) -> Option<String> {
        let id = self.id.load(Ordering::Relaxed); // as of now
        self.has_name().then(|| NAMES.try_lock()?.get(&id).map(|name| name.to_string())).flatten()
    }

    /// Moves the closure out, gives what held it to `m`, and runs the closure.
    ///
    /// # Safety
    /// * The record was filled, is owned by the caller, and this is called once per fill.
    /// * The caller is a goroutine on the thread of `m`.
    #[inline]
    pub(crate) unsafe fn run(this: NonNull<Record>, m: &'static M) {
        // SAFETY: owned by contract.
        let run = unsafe { this.as_ref() }.run.get();
        // SAFETY: `fill` stored the function that matches the closure.
        unsafe { run(this, m) }
    }

    /// # Safety
    /// * The record is owned by the caller, which is on the thread of `m`, and its closure has been moved out.
    #[inline(always)]
    unsafe fn free(this: NonNull<Record>, m: &'static M) {
        // SAFETY: on its thread by contract, and nobody keeps a reference.
        let own = unsafe { m.own() };
        // SAFETY: by contract.
        unsafe { own.records.give(this, &mut own.bundles) };
    }
}

unsafe fn run_nothing(_: NonNull<Record>, _: &'static M) {}

unsafe fn run_inline<F: FnOnce()>(this: NonNull<Record>, m: &'static M) {
    // SAFETY: `fill` has kept an `F` with this function.
    let f: F = unsafe { Record::release(this) };
    // SAFETY: by contract.
    unsafe { Record::free(this, m) };
    f();
}

unsafe fn run_in_block<F: FnOnce()>(this: NonNull<Record>, m: &'static M) {
    // SAFETY: `fill` has kept a pointer to an `F` with this function.
    let place: NonNull<F> = unsafe { Record::release(this) };
    // SAFETY: as above; it is read once.
    let f = unsafe { place.read() };
    // SAFETY: on the thread of `m`, and nobody keeps a reference.
    let own = unsafe { m.own() };
    // SAFETY: the closure has left it.
    unsafe { own.blocks.give(place.cast()) };
    // SAFETY: by contract.
    unsafe { Record::free(this, m) };
    f();
}

unsafe fn run_boxed<F: FnOnce()>(this: NonNull<Record>, m: &'static M) {
    // SAFETY: `fill` has kept a box of an `F` with this function.
    let f: Box<F> = unsafe { Record::release(this) };
    // SAFETY: by contract.
    unsafe { Record::free(this, m) };
    f();
}

/// Records per slab.
const SLAB: usize = 64;

struct Depot {
    /// The addresses of free records, in full bundles.
    batches: Vec<Bundle>,
    /// Every slab, for dumps.
    slabs: Vec<NonNull<Record>>,
}

// SAFETY: the pointers lead to records whose fields are atomic for bystanders.
unsafe impl Send for Depot {}

static DEPOT: Mutex<Depot> = Mutex::new(Depot { batches: Vec::new(), slabs: Vec::new() });

/// Free records, the one that was freed last on top. Owned by one thread. Where very many come and go, most have left the cache, or
/// are in another CPU's. So this is a stack of addresses, and they are not linked: those whose turn comes soon are fetched.
#[derive(Debug)]
pub(crate) struct FreeList {
    /// Their addresses, older half and newer half.
    hot: [[usize; bundle::ROOM]; 2],
    len: usize,
    /// Full bundles of addresses; more go to the depot.
    spare: [Option<Bundle>; SPARE],
    spares: usize,
}

/// A free list has so many at hand, as a slab has.
const HOT: usize = 2 * bundle::ROOM;
const _: () = assert!(HOT == SLAB);
/// Bundles that a free list keeps.
const SPARE: usize = 14;
/// How far ahead of their turn free records are fetched.
const AHEAD: usize = 8;

impl FreeList {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        FreeList { hot: [[0; bundle::ROOM]; 2], len: 0, spare: [None; SPARE], spares: 0 }
    }

    /// Takes a record, from the depot or a new slab when the list is empty.
    #[inline]
    pub(crate) fn take(&mut self, bundles: &mut bundle::Cache) -> NonNull<Record> {
        if self.len == 0 {
            self.refill(bundles);
        }
        self.len -= 1;
        let hot = self.hot.as_flattened();
        fetch::to_write(hot[self.len.wrapping_sub(AHEAD) % HOT] as *const Record); // where there is none, one that was taken
        // SAFETY: `refill` and `give` store addresses of records only.
        unsafe { NonNull::new_unchecked(hot[self.len % HOT] as *mut Record) }
    }

    /// Gives a record back; a list that grows beyond some bundles hands one to the depot.
    ///
    /// # Safety
    /// * The record is owned by the caller and holds no closure.
    #[inline]
    pub(crate) unsafe fn give(&mut self, record: NonNull<Record>, bundles: &mut bundle::Cache) {
        // SAFETY: owned by contract.
        let r = unsafe { record.as_ref() };
        r.id.store(0, Ordering::Relaxed); // for dumps: this record is free
        if self.len == HOT {
            self.set_half_aside(bundles);
        }
        self.hot.as_flattened_mut()[self.len % HOT] = record.as_ptr() as usize;
        self.len += 1;
    }

    /// Puts the older half into a bundle.
    #[cold]
    fn set_half_aside(&mut self, bundles: &mut bundle::Cache) {
        let [older, newer] = &mut self.hot;
        let batch = bundles.pack_full(older);
        *older = *newer;
        self.len = bundle::ROOM;
        if self.spares < SPARE {
            self.spare[self.spares] = Some(batch);
            self.spares += 1;
        } else {
            DEPOT.lock().batches.push(batch);
        }
    }

    #[cold]
    fn refill(&mut self, bundles: &mut bundle::Cache) {
        let spare = self.spares.checked_sub(1).and_then(|last| {
            self.spares = last;
            self.spare[last].take()
        });
        match spare.or_else(|| DEPOT.lock().batches.pop()) {
            Some(batch) => {
                self.hot[0] = batch.all();
                self.len = bundle::ROOM;
                bundles.give(batch);
            }
            None => self.make(),
        }
        let soon = &self.hot.as_flattened()[self.len.saturating_sub(AHEAD)..self.len];
        soon.iter().for_each(|at| fetch::to_write(*at as *const Record));
    }

    /// Makes a slab.
    fn make(&mut self) {
        let first = slab::piece(SLAB * size_of::<Record>()).cast::<Record>();
        for (i, place) in self.hot.as_flattened_mut().iter_mut().enumerate() {
            // SAFETY: the piece is that large.
            let record = unsafe { first.add(i) };
            // SAFETY: aligned, and ours alone.
            unsafe { record.write(Record::empty()) };
            *place = record.as_ptr() as usize;
        }
        self.len = SLAB;
        DEPOT.lock().slabs.push(first);
    }
}

/// Shows every record that holds an unstarted goroutine, as of some moment during the call.
pub(crate) fn for_each_unstarted(mut f: impl FnMut(&Record)) {
    let slabs = DEPOT.lock().slabs.clone();
    for slab in slabs {
        for i in 0..SLAB {
            // SAFETY: a slab has SLAB records.
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
