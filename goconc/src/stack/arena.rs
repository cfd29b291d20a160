//! The arena: reserve, commit, hand out; and the arithmetic from any address in a slot to its header.
//!
//! Who may touch what:
//!  - `PLACE` is written once, under the lock of `ARENA`; anyone reads it;
//!  - `HANDED` grows, under the same lock, after the slots are committed; anyone reads it, a signal handler too;
//!  - the rest is behind the lock, which is held across system calls but never across anything that blocks or parks. Guards are
//!    made without it where that is possible, so that threads that need many stacks do not wait for one another.
//!
//! Slot `n` of a class was handed out, or is about to be once it is guarded, exactly if `n < HANDED[class]`. (Where no guard can be
//! had it may be that it never is.)

use core::num::NonZero;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::io;

use parking_lot::Mutex;

use crate::stack::guard::{Advice, Guards, Row};
use crate::stack::{Class, GuardMode, HEADER_SIZE, StackError};
use crate::sys::mem;

/// The part of a class when nothing limits us: eight million of the smallest slots.
const LARGEST_PART: usize = 512 << 30;
/// The part of a class below which we give up: two of the largest slots.
const SMALLEST_PART: usize = 16 << 20;
/// The arena begins at a multiple of the largest slot, so that every slot is aligned to its size.
const ALIGN: usize = Class::M8.size();
/// Committed at once, at least: few system calls, and little charge where the kernel does not overcommit.
const CHUNK: usize = 32 << 20;
/// Or such a part of what is committed already: each call keeps the page faults of all threads waiting.
const PART: usize = 8;

/// Colours differ by a cache line. There are 32, and 7 keeps neighbours in number apart in colour. With 16 the headers and frames
/// of a hundred goroutines do not fit into their sets of a first-level cache of 12 ways, with 32 they do.
const COLOUR: usize = 64;
const COLOURS: usize = 32;
const COLOUR_STEP: usize = 7;

const _: () = assert!(HEADER_SIZE.is_multiple_of(COLOUR) && HEADER_SIZE + COLOURS * COLOUR <= 4096);
const _: () = assert!(SMALLEST_PART.is_multiple_of(ALIGN));

/// Where the arena is. On its own cache line: nothing near it is ever written.
#[repr(align(128))]
struct Place {
    base: AtomicUsize,
    /// Bytes of one class, a power of two; 0 before the arena is reserved.
    part: AtomicUsize,
}

// Before the arena is reserved, and while a thread has seen only one of the two numbers, no address is inside: with
// the old `part` nothing is, and the old `base` is 2^63 away from any address of user space, further than all parts
// reach.
static PLACE: Place = Place { base: AtomicUsize::new(1 << (usize::BITS - 1)), part: AtomicUsize::new(0) };

/// How many slots of each class were handed out.
static HANDED: [AtomicUsize; Class::COUNT] = [const { AtomicUsize::new(0) }; Class::COUNT];

static ARENA: Mutex<Option<Arena>> = Mutex::new(None);

/// The class of goroutines that ask for none, or `UNSET`.
static DEFAULT: AtomicU8 = AtomicU8::new(UNSET);
const UNSET: u8 = u8::MAX;

/// One stack. A name for it, not the ownership of it: it is `Copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    /// The address of the lowest byte, and the class in the lowest bits.
    word: usize,
}

impl Slot {
    /// No slot: what the places of an array hold before [`take`] fills them.
    pub(crate) const NONE: Slot = Slot { word: 0 };

    fn new(lo: usize, class: Class) -> Slot {
        Slot { word: lo | class.index() }
    }

    /// The slot that contains `addr`, handed out or not; `None` outside of the arena.
    pub(crate) fn containing(addr: usize) -> Option<Slot> {
        let (class, _) = locate(addr)?;
        Some(Slot::new(addr & !(class.size() - 1), class))
    }

    /// The lowest address: of the guard.
    #[inline]
    pub(crate) fn lo(self) -> usize {
        self.word & !(Class::K64.size() - 1)
    }

    /// The lowest address that the stack may use.
    pub(crate) fn guard_end(self) -> usize {
        self.lo() + self.class().guard()
    }

    /// The address above the last byte.
    #[cfg(test)]
    pub(crate) fn top(self) -> usize {
        self.lo() + self.class().size()
    }

    /// The class.
    #[inline]
    pub(crate) fn class(self) -> Class {
        Class::from_index(self.word & (Class::K64.size() - 1))
    }

    /// The position within the class, from 0 in the order of handing out.
    pub(crate) fn number(self) -> usize {
        locate(self.lo()).map_or(0, |(class, within)| within >> class.shift())
    }

    /// The header: [`HEADER_SIZE`] bytes, aligned to 64.
    ///
    /// # Panics
    /// When it is [`Slot::NONE`].
    pub(crate) fn header(self) -> NonNull<u8> {
        header_of(self.lo()).expect("a slot that was handed out")
    }

    /// The initial stack pointer: the address of the header, aligned to 64.
    ///
    /// # Panics
    /// When it is [`Slot::NONE`].
    pub(crate) fn base(self) -> usize {
        self.header().addr().get()
    }

    /// The slot with that number. Only for numbers that the class has, of an arena that is there.
    fn numbered(class: Class, number: usize) -> Slot {
        // Alone: both were written before the number got to whoever calls us.
        let base = PLACE.base.load(Ordering::Relaxed);
        let part = PLACE.part.load(Ordering::Relaxed); // as above
        Slot::new(base + class.index() * part + number * class.size(), class)
    }
}

/// The header of the slot that contains the address `sp`; `None` outside of the arena.
///
/// Nothing but arithmetic, for every channel operation. Whoever runs on a slot sees the arena: `PLACE` was written
/// before the slot was handed out, and the hand-over of the slot to this thread was a synchronisation.
#[inline(always)]
pub(crate) fn header_of(sp: usize) -> Option<NonNull<u8>> {
    let offset = sp.wrapping_sub(PLACE.base.load(Ordering::Relaxed)); // alone: see above and at `PLACE`
    // The smallest class comes first in the arena.
    if offset < PLACE.part.load(Ordering::Relaxed) {
        return Some(header_within(sp, offset, Class::K64.shift()));
    }
    header_of_slow(sp)
}

/// As far below the header as `addr` is in its own slot, in the slot of the same class that is `ahead` further on: the address, and
/// that of the header. It need not have been handed out. `None`: `addr` is in no slot.
#[inline]
pub(crate) fn same_place(addr: usize, ahead: usize) -> Option<(usize, usize)> {
    let (class, within) = locate(addr)?;
    let distance = ahead << class.shift();
    let here = header_within(addr, within, class.shift()).addr().get();
    let there = header_within(addr + distance, within + distance, class.shift()).addr().get();
    Some(((there + addr).wrapping_sub(here), there))
}

/// [`header_of`] for the classes above the smallest one.
#[cold]
#[inline(never)]
fn header_of_slow(sp: usize) -> Option<NonNull<u8>> {
    let (class, within) = locate(sp)?;
    Some(header_within(sp, within, class.shift()))
}

/// The class that owns `addr`, and how far into the part of the class `addr` is.
#[inline]
fn locate(addr: usize) -> Option<(Class, usize)> {
    let offset = addr.wrapping_sub(PLACE.base.load(Ordering::Relaxed)); // alone: see at `PLACE`
    let part = PLACE.part.load(Ordering::Relaxed); // alone: see at `PLACE`
    if offset >= part * Class::COUNT {
        return None;
    }
    Some((Class::from_index(offset >> part.trailing_zeros()), offset & (part - 1)))
}

/// The header of the slot of size `1 << shift` around `addr`, which is `within` bytes into the part of its class.
#[inline(always)]
fn header_within(addr: usize, within: usize, shift: u32) -> NonNull<u8> {
    let last_byte = addr | ((1 << shift) - 1);
    // number * 7 % 16 * 64, with the multiplications made one.
    let colour = (within >> shift).wrapping_mul(COLOUR_STEP * COLOUR) & ((COLOURS - 1) * COLOUR);
    let header = last_byte - (HEADER_SIZE - 1) - colour;
    // SAFETY: it lies in the arena, and the kernel never maps the page at 0 for a mapping without MAP_FIXED.
    let header = unsafe { NonZero::new_unchecked(header) };
    NonNull::with_exposed_provenance(header)
}

/// Reserves the arena and chooses how guards are made. Only the first call that succeeds has an effect; [`take`]
/// calls `init(false)` if nobody has. `force_mprotect` picks the mode that works on every kernel, for tests of it.
/// Returns the mode in force.
pub(crate) fn init(force_mprotect: bool) -> Result<GuardMode, StackError> {
    let best = if force_mprotect { GuardMode::Mprotect } else { GuardMode::ProcessMadvise };
    init_with(best)
}

/// As [`init`], with the best mode that may be used.
fn init_with(best: GuardMode) -> Result<GuardMode, StackError> {
    let mut slot = ARENA.lock();
    Ok(Arena::in_place(&mut slot, best)?.guards.mode())
}

/// Chooses the class of goroutines that ask for none. Once, and before the first stack: returns whether it was.
#[must_use]
pub(crate) fn set_default_class(class: Class) -> bool {
    // Alone: the byte is all there is, nothing is published with it.
    DEFAULT.compare_exchange(UNSET, class.index() as u8, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// The class of goroutines that ask for none: 64 KiB, or 256 KiB in debug builds, whose frames are large.
#[inline]
pub(crate) fn default_class() -> Class {
    match DEFAULT.load(Ordering::Relaxed) {
        UNSET => built_in_default(), // alone: see `set_default_class`
        index => Class::from_index(index.into()),
    }
}

fn built_in_default() -> Class {
    let too_large = mem::page_size() > Class::K64.size() / 4;
    if cfg!(debug_assertions) || too_large { Class::K256 } else { Class::K64 }
}

/// Hands out up to `out.len()` slots that nobody has had before, in the first places of `out`; returns how many, at
/// least one (unless `out` is empty). Each is guarded. Not for signal handlers: it takes a lock.
///
/// # Blocks the thread
/// For some system calls: ask for many slots at once.
pub(crate) fn take(class: Class, out: &mut [Slot]) -> Result<usize, StackError> {
    if out.is_empty() {
        return Ok(0);
    }
    if class.size() < 4 * class.guard() {
        return Err(StackError::PageSize { class });
    }
    let (first, row, advice) = {
        let mut slot = ARENA.lock();
        Arena::in_place(&mut slot, GuardMode::ProcessMadvise)?.set_aside(class, out.len())?
    };
    // SAFETY: committed, and never handed out before.
    let mut count = unsafe { advice.install(row) };
    if count < row.count {
        let mut slot = ARENA.lock();
        count =
            Arena::in_place(&mut slot, GuardMode::ProcessMadvise)?.guard_rest(class, first, row, count)?;
    }
    for (index, place) in out[..count].iter_mut().enumerate() {
        *place = Slot::numbered(class, first + index);
    }
    Ok(count)
}

/// How many slots of a class were handed out, or nearly: a number for heuristics.
pub(crate) fn handed(class: Class) -> usize {
    HANDED[class.index()].load(Ordering::Relaxed) // a number; nothing comes with it
}

/// Calls `f` with the header of every slot ever handed out, class by class. Takes no lock and does not allocate. A
/// header may be in use by another thread meanwhile, and holds zeros when its slot was never used.
pub(crate) fn for_each_header(mut f: impl FnMut(NonNull<u8>)) {
    for class in Class::ALL {
        let handed = HANDED[class.index()].load(Ordering::Acquire); // pairs with the Release in `Arena::set_aside`
        for number in 0..handed {
            f(Slot::numbered(class, number).header());
        }
    }
}

/// Whether the slot was handed out. Async-signal-safe.
pub(super) fn is_handed_out(slot: Slot) -> bool {
    // Pairs with the Release in `Arena::set_aside`.
    slot.number() < HANDED[slot.class().index()].load(Ordering::Acquire)
}

/// Gives the pages of a slot below the page of `sp` back to the kernel; they hold zeros when next used. The guard
/// stays, and so does the page of the header whatever `sp` is. Fails on locked memory (`mlockall`), which is
/// harmless.
///
/// # Safety
/// - the slot was handed out and its owner is the caller, or lets the caller act for it;
/// - nothing below `sp` is needed: `sp` is the stack pointer of a goroutine that is parked, and stays so until this
///   returns, or `base()` of a slot that is free.
pub(crate) unsafe fn discard_below(slot: Slot, sp: usize) -> io::Result<()> {
    let end = sp.min(slot.base()) & !(mem::page_size() - 1);
    let start = slot.guard_end();
    if end <= start {
        return Ok(());
    }
    // SAFETY: committed memory of the slot above its guard, and the caller does not need what is in it.
    unsafe { mem::discard(start, end - start) }
}

/// What the arena has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// How many slots were handed out, per [`Class::index`].
    pub(crate) handed: [usize; Class::COUNT],
    /// How many bytes are committed, per [`Class::index`]. What was never touched costs no memory.
    pub(crate) committed: [usize; Class::COUNT],
    /// How many bytes of address space each class has. 0 before the arena is reserved.
    pub(crate) part: usize,
    /// How many guards are mappings of their own.
    pub(crate) protected: usize,
    /// How guards are made; `None` before the arena is reserved.
    pub(crate) mode: Option<GuardMode>,
}

/// What the arena has done so far. Not for signal handlers: it takes a lock.
pub(crate) fn stats() -> Stats {
    match &*ARENA.lock() {
        None => Stats::default(),
        Some(arena) => Stats {
            handed: HANDED.each_ref().map(|n| n.load(Ordering::Relaxed)), // written under the lock that we hold
            committed: arena.committed,
            part: arena.part,
            protected: arena.guards.protected(),
            mode: Some(arena.guards.mode()),
        },
    }
}

/// What only the holder of the lock needs.
#[derive(Debug)]
struct Arena {
    base: usize,
    part: usize,
    /// Bytes from the bottom of each part that are readable and writable: a multiple of the slot size.
    committed: [usize; Class::COUNT],
    guards: Guards,
}

impl Arena {
    /// The arena in `slot`, reserved first if there is none yet.
    fn in_place(slot: &mut Option<Arena>, best: GuardMode) -> Result<&mut Arena, StackError> {
        if slot.is_none() {
            *slot = Some(Arena::reserve(best)?);
        }
        Ok(slot.as_mut().expect("just filled"))
    }

    /// Reserves the arena, as large as it may be, and publishes its place.
    #[cold]
    fn reserve(best: GuardMode) -> Result<Arena, StackError> {
        let (base, part) = reserve_parts()?;
        let len = part * Class::COUNT;
        let _ = mem::no_huge_pages(base, len); // kernels without huge pages refuse, and need no asking
        let _ = mem::unlock(base, len); // mlockall(MCL_FUTURE): no guards in locked memory, and no megabytes per stack
        let guards = Guards::probe(best);
        PLACE.base.store(base, Ordering::Relaxed); // pairs with nothing: see `header_of` and at `PLACE`
        PLACE.part.store(part, Ordering::Relaxed); // as above
        let _ = set_default_class(built_in_default()); // too late to choose another one from here on
        Ok(Arena { base, part, committed: [0; Class::COUNT], guards })
    }

    /// Commits up to `want` slots, at least one, for the caller to guard and to hand out: the number of the first one, and their
    /// guards.
    fn set_aside(&mut self, class: Class, want: usize) -> Result<(usize, Row, Advice), StackError> {
        let handed = &HANDED[class.index()];
        let first = handed.load(Ordering::Relaxed); // only written under the lock that we hold
        let slots = self.part / class.size();
        let want = want.min(slots - first);
        if want == 0 {
            return Err(StackError::Exhausted { class, slots, limited: self.part < LARGEST_PART });
        }
        let count = self.commit(class, first, want)?;
        let lo = Slot::numbered(class, first).lo();
        // Release: pairs with the Acquire of those who look at slots that they do not own: their headers are readable from here on.
        handed.store(first + count, Ordering::Release);
        Ok((first, Row { lo, stride: class.size(), len: class.guard(), count }, self.guards.advice()))
    }

    /// Guards what is left of a row that was set aside from `first` on: how many are guarded then, at least one.
    fn guard_rest(&mut self, class: Class, first: usize, row: Row, done: usize) -> Result<usize, StackError> {
        // SAFETY: committed by `set_aside`, and never handed out before.
        let guarded = unsafe { self.guards.install(row, done) };
        let count = guarded.as_ref().map_or(0, |&count| count);
        // What could not be guarded is there for the next one, unless others have gone on behind it. Relaxed: as in `set_aside`;
        // nothing new is to be seen.
        let handed = &HANDED[class.index()];
        if handed.load(Ordering::Relaxed) == first + row.count {
            handed.store(first + count, Ordering::Relaxed);
        }
        guarded
    }

    /// Commits slots `first..first + want`; returns how many of them it could, at least one.
    fn commit(&mut self, class: Class, first: usize, want: usize) -> Result<usize, StackError> {
        let grown = self.grow(class, (first + want) * class.size());
        let have = self.committed[class.index()] / class.size() - first;
        match grown {
            Err(e) if have == 0 => Err(StackError::Commit { class, errno: errno(&e) }),
            _ => Ok(have.min(want)),
        }
    }

    /// Commits chunk by chunk until `need` bytes of the class are, with smaller chunks where the kernel refuses
    /// large ones.
    fn grow(&mut self, class: Class, need: usize) -> io::Result<()> {
        let committed = &mut self.committed[class.index()];
        let mut chunk = (*committed / PART / CHUNK).max(1) * CHUNK;
        while *committed < need {
            let len = chunk.min(self.part - *committed);
            let start = self.base + class.index() * self.part + *committed;
            // SAFETY: our reservation; nothing above what is committed was guarded or handed out yet.
            match unsafe { mem::commit(start, len) } {
                Ok(()) => *committed += len,
                Err(_) if chunk > class.size() => chunk /= 2,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Reserves the parts of all classes, as large as the kernel and the limits allow: where they begin, and the size
/// of one.
fn reserve_parts() -> Result<(usize, usize), StackError> {
    let mut part = LARGEST_PART;
    if let Some(limit) = mem::address_space_limit() {
        // Half of it at most: what we reserve, the program's heap and threads cannot have.
        while part > SMALLEST_PART && part * Class::COUNT > limit / 2 {
            part /= 2;
        }
    }
    loop {
        let len = part * Class::COUNT;
        match reserve_aligned(len) {
            Ok(base) => return Ok((base, part)),
            Err(_) if part > SMALLEST_PART => part /= 2,
            Err(e) => return Err(StackError::Reserve { bytes: len, errno: errno(&e) }),
        }
    }
}

/// Reserves `len` bytes that begin at a multiple of `ALIGN`.
fn reserve_aligned(len: usize) -> io::Result<usize> {
    let start = mem::reserve(len + ALIGN)?;
    let base = start.next_multiple_of(ALIGN);
    let (before, after) = (base - start, ALIGN - (base - start));
    if before > 0 {
        // SAFETY: the piece below the arena, just reserved and not used.
        let _ = unsafe { mem::unmap(start, before) };
    }
    if after > 0 {
        // SAFETY: the piece above the arena, just reserved and not used.
        let _ = unsafe { mem::unmap(base + len, after) };
    }
    Ok(base)
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::child;
    use std::collections::HashSet;

    fn take_some(class: Class, count: usize) -> Vec<Slot> {
        let mut slots = vec![Slot::NONE; count];
        assert_eq!(take(class, &mut slots), Ok(count));
        slots
    }

    /// The lines of `/proc/self/maps` that lie in the part of `class`.
    fn mappings(class: Class) -> Vec<String> {
        let start = Slot::numbered(class, 0).lo();
        let inside = start..start + stats().part;
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
        let begins = |line: &str| usize::from_str_radix(line.split('-').next().unwrap_or(""), 16);
        maps.lines()
            .filter(|line| begins(line).is_ok_and(|at| inside.contains(&at)))
            .map(String::from)
            .collect()
    }

    fn is_resident(addr: usize) -> bool {
        let mut answer = 0;
        let page = addr & !(mem::page_size() - 1);
        // SAFETY: asks about one page and writes one byte.
        let result =
            unsafe { libc::mincore(core::ptr::with_exposed_provenance_mut(page), 1, &raw mut answer) };
        assert_eq!(result, 0);
        answer & 1 == 1
    }

    fn write(addr: usize, byte: u8) {
        // SAFETY: the callers name bytes of slots that they own, above the guard.
        unsafe { core::ptr::with_exposed_provenance_mut::<u8>(addr).write_volatile(byte) };
    }

    fn read(addr: usize) -> u8 {
        // SAFETY: the callers name bytes of slots that they own, above the guard.
        unsafe { core::ptr::with_exposed_provenance::<u8>(addr).read_volatile() }
    }

    #[test]
    fn geometry_of_every_class() {
        for class in Class::ALL {
            for slot in take_some(class, 3) {
                assert_eq!(slot.class(), class);
                assert_eq!(slot.lo() % class.size(), 0);
                assert_eq!(slot.top() - slot.lo(), class.size());
                assert_eq!(slot.guard_end() - slot.lo(), class.guard());
                assert_eq!(slot.base() % 64, 0);
                assert_eq!(slot.base(), slot.top() - HEADER_SIZE - slot.number() * 7 % COLOURS * 64);
                assert!(slot.base() > slot.top() - 4096);
                assert_eq!(slot, Slot::numbered(class, slot.number()));
            }
        }
    }

    #[test]
    fn header_of_any_address_in_a_slot() {
        for class in Class::ALL {
            for slot in take_some(class, 18) {
                let header = Some(slot.header());
                let odd_steps = (slot.lo()..slot.top()).step_by(class.size() / 64 + 1);
                for addr in odd_steps.chain([slot.guard_end(), slot.base(), slot.top() - 1]) {
                    assert_eq!(header_of(addr), header, "{class}");
                    assert_eq!(Slot::containing(addr), Some(slot));
                }
                assert_ne!(header_of(slot.top()), header);
                assert_ne!(header_of(slot.lo() - 1), header);
            }
        }
    }

    #[test]
    fn outside_of_the_arena_there_is_no_header() {
        take_some(Class::K64, 1);
        let base = Slot::numbered(Class::K64, 0).lo();
        let end = base + Class::COUNT * stats().part;
        let local = 0;
        for addr in [0, 1, base - 1, end, end + 1, usize::MAX, (&raw const local).addr()] {
            assert_eq!(header_of(addr), None, "{addr:#x}");
            assert_eq!(Slot::containing(addr), None);
        }
        assert!(header_of(end - 1).is_some());
    }

    #[test]
    fn nothing_is_inside_before_init() {
        child::run_ok(concat!(module_path!(), "::nothing_is_inside_before_init"), || {
            for addr in [0, 1, 1 << 20, 1 << 46, 1 << 63, usize::MAX] {
                assert_eq!(header_of(addr), None);
            }
            for_each_header(|_| panic!("no slot was handed out"));
            assert_eq!(stats(), Stats::default());
        });
    }

    #[test]
    fn neighbours_have_distinct_colours() {
        for class in Class::ALL {
            let slots = take_some(class, 16);
            let colours: HashSet<usize> = slots.iter().map(|slot| slot.top() - slot.base()).collect();
            assert_eq!(colours.len(), 16);
        }
    }

    #[test]
    fn batches_of_any_size_are_distinct_guarded_and_usable() {
        for count in [1, 7, 1024, 3000] {
            let slots = take_some(Class::K64, count);
            let numbers: HashSet<usize> = slots.iter().map(|slot| slot.number()).collect();
            assert_eq!(numbers.len(), count);
            for slot in slots {
                // SAFETY: nothing uses the guard.
                assert!(unsafe { mem::is_guarded(slot.lo()) });
                // SAFETY: as above.
                assert!(unsafe { mem::is_guarded(slot.guard_end() - 1) });
                write(slot.guard_end(), 1);
                write(slot.base(), 1);
            }
        }
        assert_eq!(take(Class::K64, &mut []), Ok(0));
    }

    #[test]
    fn every_header_is_visited() {
        let mine: HashSet<NonNull<u8>> =
            Class::ALL.iter().flat_map(|&class| take_some(class, 5)).map(Slot::header).collect();
        let mut seen = HashSet::new();
        for_each_header(|header| assert!(seen.insert(header)));
        assert!(mine.is_subset(&seen));
        assert!(mine.iter().all(|header| read(header.addr().get()) == 0));
    }

    #[test]
    fn discard_keeps_the_page_of_the_stack_pointer_and_the_guard() {
        for class in Class::ALL {
            let slot = take_some(class, 1)[0];
            let middle = slot.lo() + class.size() / 2 + 100;
            for addr in [slot.guard_end(), middle - 4096, middle, slot.base()] {
                write(addr, 9);
            }
            // SAFETY: the slot is ours, and nothing below `middle` is needed.
            unsafe { discard_below(slot, middle) }.expect("not locked");
            assert!(!is_resident(slot.guard_end()) && !is_resident(middle - 4096));
            assert_eq!([read(slot.guard_end()), read(middle), read(slot.base())], [0, 9, 9]);
            // SAFETY: the slot is ours and free.
            unsafe { discard_below(slot, usize::MAX) }.expect("not locked");
            assert_eq!([read(middle), read(slot.base())], [0, 9]);
            // SAFETY: as above; there is nothing below.
            unsafe { discard_below(slot, slot.lo()) }.expect("nothing to do");
            // SAFETY: nothing uses the guard.
            assert!(unsafe { mem::is_guarded(slot.guard_end() - 1) });
        }
    }

    #[test]
    fn many_slots_are_one_mapping() {
        child::run_ok(concat!(module_path!(), "::many_slots_are_one_mapping"), || {
            if init(false) == Ok(GuardMode::Mprotect) {
                return; // an old kernel
            }
            for batch in [1, 600, 3000] {
                for slot in take_some(Class::K64, batch) {
                    write(slot.base(), 1);
                }
            }
            let found = mappings(Class::K64);
            assert_eq!(found.len(), 2, "{found:#?}");
            assert!(found[0].contains(" rw-p ") && found[1].contains(" ---p "), "{found:#?}");
        });
    }

    #[test]
    fn forced_mprotect() {
        child::run_ok(concat!(module_path!(), "::forced_mprotect"), || {
            assert_eq!(init(true), Ok(GuardMode::Mprotect));
            assert_eq!(init(false), Ok(GuardMode::Mprotect));
            geometry_of_every_class();
            header_of_any_address_in_a_slot();
            batches_of_any_size_are_distinct_guarded_and_usable();
            discard_keeps_the_page_of_the_stack_pointer_and_the_guard();
            every_header_is_visited();
            let stats = stats();
            assert_eq!(stats.protected, stats.handed.iter().sum());
        });
    }

    #[test]
    fn forced_mprotect_ends_at_its_budget() {
        child::run_ok(concat!(module_path!(), "::forced_mprotect_ends_at_its_budget"), || {
            assert_eq!(init(true), Ok(GuardMode::Mprotect));
            let budget = mem::max_map_count() / 2 - 2000;
            if budget > 100_000 {
                return; // takes too long, and too much memory
            }
            let mut slots = vec![Slot::NONE; budget + 1];
            assert_eq!(take(Class::K64, &mut slots), Ok(budget));
            let error = take(Class::K64, &mut slots).expect_err("over the budget");
            assert_eq!(error, StackError::Guards { stacks: budget });
            assert_eq!(take(Class::M1, &mut slots), Err(error));
        });
    }

    #[test]
    fn the_default_is_chosen_once() {
        child::run_ok(concat!(module_path!(), "::the_default_is_chosen_once"), || {
            assert_eq!(default_class(), built_in_default());
            assert!(set_default_class(Class::M1));
            assert!(!set_default_class(Class::M8));
            assert_eq!(default_class(), Class::M1);
        });
    }

    #[test]
    fn the_first_stack_fixes_the_default() {
        child::run_ok(concat!(module_path!(), "::the_first_stack_fixes_the_default"), || {
            take_some(Class::M8, 1);
            assert!(!set_default_class(Class::M1));
            assert_eq!(default_class(), built_in_default());
        });
    }

    fn limit_address_space(bytes: u64) {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: `limit` is a live rlimit.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
    }

    #[test]
    fn a_limit_makes_the_arena_smaller() {
        child::run_ok(concat!(module_path!(), "::a_limit_makes_the_arena_smaller"), || {
            limit_address_space(4 << 30);
            init(false).expect("half of it is enough");
            let part = stats().part;
            assert!((SMALLEST_PART..=512 << 20).contains(&part), "{part:#x}");
            geometry_of_every_class();
            let mut slots = vec![Slot::NONE; 1000];
            let slots_of_8m = part / Class::M8.size();
            assert_eq!(take(Class::M8, &mut slots), Ok(slots_of_8m - 3));
            let error = take(Class::M8, &mut slots).expect_err("no more");
            assert_eq!(error, StackError::Exhausted { class: Class::M8, slots: slots_of_8m, limited: true });
            assert!(error.to_string().contains("ulimit -v"));
            drop(vec![1u8; 512 << 20]); // and the program still has memory
        });
    }

    #[test]
    fn an_error_names_the_limit() {
        child::run_ok(concat!(module_path!(), "::an_error_names_the_limit"), || {
            limit_address_space(1 << 20);
            let error = init(false).expect_err("no room");
            assert_eq!(error, StackError::Reserve { bytes: 64 << 20, errno: libc::ENOMEM });
            assert_eq!(header_of(1 << 40), None);
        });
    }

    #[test]
    fn locked_memory_before() {
        child::run_ok(concat!(module_path!(), "::locked_memory_before"), || {
            // SAFETY: takes a number.
            if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
                return; // not allowed to
            }
            match init(false) {
                Ok(mode) => {
                    // SAFETY: takes no arguments.
                    unsafe { libc::munlockall() };
                    assert_eq!(mode, Guards::probe(GuardMode::ProcessMadvise).mode());
                    // SAFETY: takes a number.
                    unsafe { libc::mlockall(libc::MCL_FUTURE) };
                    let slot = take_some(Class::M8, 2)[1];
                    assert!(!is_resident(slot.lo() + Class::M8.size() / 2));
                    batches_of_any_size_are_distinct_guarded_and_usable();
                }
                Err(e) => assert!(e.to_string().contains("RLIMIT_MEMLOCK"), "{e}"),
            }
        });
    }

    #[test]
    fn locked_memory_after() {
        child::run_ok(concat!(module_path!(), "::locked_memory_after"), || {
            take_some(Class::K64, 3);
            // SAFETY: takes a number.
            if unsafe { libc::mlockall(libc::MCL_CURRENT) } != 0 {
                return; // not allowed to
            }
            batches_of_any_size_are_distinct_guarded_and_usable();
            geometry_of_every_class();
            assert_eq!(stats().protected > 0, stats().mode == Some(GuardMode::Mprotect));
        });
    }

    #[test]
    fn threads_share_the_arena() {
        let taken = parking_lot::Mutex::new(HashSet::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let slots = take_some(Class::K64, 9);
                        assert!(slots.iter().all(|&slot| header_of(slot.guard_end()) == Some(slot.header())));
                        taken.lock().extend(slots);
                    }
                });
            }
        });
        assert_eq!(taken.into_inner().len(), 4 * 50 * 9);
    }
}
