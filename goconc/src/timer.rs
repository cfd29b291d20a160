//! `Timers`: what is due when, for one P. Knows no goroutine and no channel: a timer is a [`Node`] in its owner's memory.
//!
//! A heap of four children a node: pairs of a deadline and a pointer. The four children are one cache line. A **tracked** node
//! knows its place, so that its owner can move it or take it off at once: what is stopped costs nothing any more, and the heap
//! never holds more than what is armed. An **untracked** one (a sleep, which nobody takes back) stays untouched until it is off
//! the heap: while a million goroutines sleep, the heap's moves do not touch a million stacks. A **bare** entry is untracked and has
//! no node either, only a pointer, for what has no room for one: whoever runs the timers says what becomes of it. What is due is
//! taken off by the batch, and fetched into the cache by the batch before it fires.
//!
//! Who may do what:
//! * `at` belongs to the heap, under its lock. `heap` belongs to the owner of the node, under the owner's lock or because
//!   there is only one left. Locks are taken in this order: the owner's, the heap's.
//! * [`Timers::run`] takes a due node off and asks [`Ops::due`], still under the heap's lock; then it gives the lock back and
//!   calls [`Ops::fire`]. An owner that frees a node calls [`Node::disarm`] first, which takes the same lock: so either the
//!   node was taken off by it and `due` is not called, or `due` is over, and has seen whether the owner is still there.
//!   An untracked node need not be asked: its owner waits until it has fired.
//!
//! Any M may run the timers of any P. `next` is the earliest deadline, read without the lock. Deadlines are
//! [`clock::nanos`](crate::sys::clock::nanos).

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::sys::fetch;

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;

/// Children of a node of the heap.
const ARITY: usize = 4;
/// So many are taken off at a time.
const BATCH: usize = 32;
/// The place of a node that is in no heap.
const NOWHERE: usize = usize::MAX;
/// Marks the pointer to an untracked node.
const UNTRACKED: usize = 1;
/// Marks a pointer to something else.
const BARE: usize = 2 | UNTRACKED;
/// Where the marks are.
const MARKS: usize = 3;

const _: () = assert!(align_of::<Node>() > MARKS);

/// What a timer does when its time has come.
#[derive(Debug)]
pub(crate) struct Ops {
    /// Under the heap's lock, when the node has been taken off because it is due. False: its owner is about to free it, and it
    /// does not fire. True: it will still be there when `fire` is called. Not asked if nobody takes it back.
    pub(crate) due: unsafe fn(NonNull<Node>) -> bool,
    /// Some time before `fire`: has the cache fetch what that needs.
    pub(crate) prepare: unsafe fn(NonNull<Node>),
    /// Without any lock, on whatever thread runs the timers.
    pub(crate) fire: unsafe fn(NonNull<Node>, Firing),
}

/// What becomes of a bare entry that is due: called once for each [`Timers::add_bare`], as [`Ops::fire`].
pub(crate) type Bare = unsafe fn(NonNull<()>, Firing);

/// The circumstances in which a timer fires.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Firing {
    /// The time.
    pub(crate) now: u64,
    /// Who runs the timers: opaque here, handed on from [`Timers::run`].
    pub(crate) by: *const (),
}

/// A timer, inside its owner.
#[derive(Debug)]
pub(crate) struct Node {
    ops: &'static Ops,
    /// The heap that it is in, or was in last; null: it was never armed.
    heap: AtomicPtr<Timers>,
    /// Where in the heap.
    at: Cell<usize>,
}

/// What [`Node::arm`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Armed {
    /// It was armed before: this has only changed the deadline.
    pub(crate) again: bool,
    /// It is the earliest of its heap now.
    pub(crate) earliest: bool,
}

impl Node {
    /// A timer that is not armed.
    pub(crate) const fn new(ops: &'static Ops) -> Node {
        Node { ops, heap: AtomicPtr::new(core::ptr::null_mut()), at: Cell::new(NOWHERE) }
    }

    /// Arms it, or changes its deadline. If it is in no heap it goes into `here`.
    ///
    /// # Safety
    /// * `this` is alive, and may be used for as much of its owner as `fire` needs; it stays where it is until it has fired
    ///   or [`disarm`](Self::disarm) was called.
    /// * The caller holds the lock of the node's owner, or there is nobody else.
    pub(crate) unsafe fn arm(this: NonNull<Node>, when: u64, here: &'static Timers) -> Armed {
        // SAFETY: alive by contract.
        let node = unsafe { this.as_ref() };
        if let Some(heap) = node.last_heap() {
            let mut entries = heap.entries.lock();
            if node.at.get() != NOWHERE {
                entries.change(node.at.get(), when);
                return Armed { again: true, earliest: heap.publish(&entries) };
            }
        }
        node.heap.store(core::ptr::from_ref(here).cast_mut(), Ordering::Relaxed); // under the owner's lock
        let mut entries = here.entries.lock();
        entries.push(Entry::tracked(when, this));
        Armed { again: false, earliest: here.publish(&entries) }
    }

    /// Takes it off. False: it was not armed, or it has fired, or is about to.
    ///
    /// # Safety
    /// * The caller holds the lock of the node's owner, or there is nobody else.
    pub(crate) unsafe fn disarm(&self) -> bool {
        let Some(heap) = self.last_heap() else { return false };
        let mut entries = heap.entries.lock();
        let at = self.at.get();
        if at == NOWHERE {
            return false;
        }
        entries.remove(at);
        heap.publish(&entries);
        true
    }

    fn last_heap(&self) -> Option<&'static Timers> {
        // SAFETY: null, or made from a `&'static Timers`. Relaxed: under the owner's lock.
        unsafe { self.heap.load(Ordering::Relaxed).as_ref() }
    }
}

/// A deadline, and whose it is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    when: u64,
    /// Perhaps with the mark.
    node: *mut Node,
}

impl Entry {
    fn tracked(when: u64, node: NonNull<Node>) -> Entry {
        Entry { when, node: node.as_ptr() }
    }

    fn untracked(when: u64, node: NonNull<Node>) -> Entry {
        Entry { when, node: node.as_ptr().map_addr(|address| address | UNTRACKED) }
    }

    fn bare(when: u64, what: NonNull<()>) -> Entry {
        Entry { when, node: what.as_ptr().cast::<Node>().map_addr(|address| address | BARE) }
    }

    /// The node, or what a bare entry has instead.
    fn node(self) -> NonNull<Node> {
        let node = self.node.map_addr(|address| address & !MARKS);
        // SAFETY: made from a NonNull of something that is aligned to more than the marks.
        unsafe { NonNull::new_unchecked(node) }
    }

    fn is_bare(self) -> bool {
        self.node.addr() & MARKS == BARE
    }

    /// See [`Ops::prepare`].
    ///
    /// # Safety
    /// * It is off the heap, and will fire.
    unsafe fn prepare(self) {
        if !self.is_bare() {
            // SAFETY: it will fire, so it is still there.
            let ops = unsafe { self.node().as_ref() }.ops;
            // SAFETY: as above.
            unsafe { (ops.prepare)(self.node()) };
        }
    }

    /// See [`Ops::fire`]. `bare` is that of a bare one.
    ///
    /// # Safety
    /// * It is off the heap, `due` was asked if it had to be, and this is called once.
    unsafe fn fire(self, firing: Firing, bare: Bare) {
        if self.is_bare() {
            // SAFETY: `add_bare` was given this pointer.
            unsafe { bare(self.node().cast(), firing) }
        } else {
            // SAFETY: it has not fired, so it is still there.
            let ops = unsafe { self.node().as_ref() }.ops;
            // SAFETY: by contract.
            unsafe { (ops.fire)(self.node(), firing) }
        }
    }

    fn is_tracked(self) -> bool {
        self.node.addr() & UNTRACKED == 0
    }

    /// Tells the node where it is.
    fn tell(self, at: usize) {
        if self.is_tracked() {
            // SAFETY: nodes in the heap are alive, and `at` is ours under the heap's lock.
            unsafe { self.node().as_ref() }.at.set(at);
        }
    }
}

/// The children of one entry, in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Group([Entry; ARITY]);

const _: () = assert!(size_of::<Group>() == 64 || size_of::<usize>() != 8);

/// Where there is no entry: due after all others.
const NOBODY: Entry = Entry { when: NEVER, node: core::ptr::null_mut() };

/// The heap proper. The entry at place 0 is the last one of the first group, alone there; the children of the one at `at` are
/// the group `at + 1`. Behind the last entry its group is filled with `NOBODY`.
#[derive(Debug, Default)]
struct Entries {
    groups: Vec<Group>,
    len: usize,
}

/// Places before the first one.
const BEFORE: usize = ARITY - 1;

impl Entries {
    fn first(&self) -> u64 {
        self.groups.first().map_or(NEVER, |group| group.0[BEFORE].when)
    }

    fn get(&self, at: usize) -> Entry {
        self.groups[(at + BEFORE) / ARITY].0[(at + BEFORE) % ARITY]
    }

    fn set(&mut self, at: usize, entry: Entry) {
        self.groups[(at + BEFORE) / ARITY].0[(at + BEFORE) % ARITY] = entry;
    }

    fn push(&mut self, entry: Entry) {
        let at = self.len;
        if (at + BEFORE) / ARITY == self.groups.len() {
            self.groups.push(Group([NOBODY; ARITY]));
        }
        self.len += 1;
        self.rise(at, entry);
    }

    /// Gives the entry at `at` a new deadline.
    fn change(&mut self, at: usize, when: u64) {
        let entry = Entry { when, ..self.get(at) };
        self.settle(at, entry);
    }

    /// Takes the entry at `at` off.
    fn remove(&mut self, at: usize) -> Entry {
        let removed = self.get(at);
        self.len -= 1;
        let last = self.get(self.len);
        self.set(self.len, NOBODY);
        if (self.len + BEFORE).is_multiple_of(ARITY) {
            self.groups.pop();
        }
        if at < self.len {
            self.settle(at, last);
        }
        removed.tell(NOWHERE);
        removed
    }

    /// Puts `entry` where it belongs, given that the place `at` is free.
    fn settle(&mut self, at: usize, entry: Entry) {
        let parent = at.checked_sub(1).map(|below| self.get(below / ARITY).when);
        if parent.is_some_and(|parent| entry.when < parent) {
            self.rise(at, entry);
        } else {
            self.sink(at, entry);
        }
    }

    fn rise(&mut self, mut at: usize, entry: Entry) {
        while let Some(below) = at.checked_sub(1) {
            let parent = self.get(below / ARITY);
            if parent.when <= entry.when {
                break;
            }
            self.put(at, parent);
            at = below / ARITY;
        }
        self.put(at, entry);
    }

    fn sink(&mut self, mut at: usize, entry: Entry) {
        while let Some(&Group(children)) = self.groups.get(at + 1) {
            let first = at * ARITY + 1;
            // One of the four is next: their children are neighbours.
            for grandchildren in self.groups.get(first + 1..).into_iter().flatten().take(ARITY) {
                fetch::soon(grandchildren);
            }
            let lesser = |a: usize, b: usize| if children[b].when < children[a].when { b } else { a };
            let least = lesser(lesser(0, 1), lesser(2, 3));
            if entry.when <= children[least].when {
                break;
            }
            self.put(at, children[least]);
            at = first + least;
        }
        self.put(at, entry);
    }

    fn put(&mut self, at: usize, entry: Entry) {
        self.set(at, entry);
        entry.tell(at);
    }
}

/// The timers of one P.
#[derive(Debug)]
pub(crate) struct Timers {
    next: AtomicU64,
    entries: Mutex<Entries>,
}

// SAFETY: the entries point at nodes, of which this touches `at` only, under the lock.
unsafe impl Sync for Timers {}
// SAFETY: as above; nothing here is tied to a thread.
unsafe impl Send for Timers {}

impl Timers {
    /// No timers.
    pub(crate) fn new() -> Self {
        Timers { next: AtomicU64::new(NEVER), entries: Mutex::new(Entries::default()) }
    }

    /// The earliest deadline, or [`NEVER`].
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        // Acquire: pairs with the Release in `publish`; who sees a deadline finds its entry under the lock anyway.
        self.next.load(Ordering::Acquire)
    }

    /// Arms a timer that nobody takes back: it fires, once. Says whether it is the earliest.
    ///
    /// # Safety
    /// * The node is in no heap, and stays where it is until it has fired; `node` may be used for as much of its owner as
    ///   `fire` needs.
    pub(crate) unsafe fn add_untracked(&self, when: u64, node: NonNull<Node>) -> bool {
        let mut entries = self.entries.lock();
        entries.push(Entry::untracked(when, node));
        self.publish(&entries)
    }

    /// Arms a timer that nobody takes back and that has no node: `what` is given to the `bare` of [`run`](Self::run), once. Says whether it
    /// is the earliest.
    ///
    /// # Safety
    /// * `what` is aligned like a [`Node`], and fit for that function until it is called.
    pub(crate) unsafe fn add_bare(&self, when: u64, what: NonNull<()>) -> bool {
        let mut entries = self.entries.lock();
        entries.push(Entry::bare(when, what));
        self.publish(&entries)
    }

    /// Says whether the earliest deadline is an earlier one than before.
    fn publish(&self, entries: &Entries) -> bool {
        let next = entries.first();
        let earlier = next < self.next.load(Ordering::Relaxed); // written under the lock only
        self.next.store(next, Ordering::Release); // pairs with the Acquire in `next`
        earlier
    }

    /// Fires everything that is due at `now`, earliest first; says how many that were. `by` is handed on to [`Ops::fire`] and to
    /// `bare`. What another M is about to fire is left to it.
    pub(crate) fn run(&self, now: u64, by: *const (), bare: Bare) -> usize {
        let mut count = 0;
        let mut batch = [NOBODY; BATCH];
        while self.next() <= now {
            let Some(due) = self.pop(now, &mut batch) else { break };
            for entry in &batch[..due] {
                // SAFETY: `due` has said that it stays until it has fired, or nobody takes it back.
                unsafe { entry.prepare() };
            }
            for entry in &batch[..due] {
                // SAFETY: it was armed, is off the heap, and `due` was asked if it had to be.
                unsafe { entry.fire(Firing { now, by }, bare) };
            }
            count += due;
        }
        count
    }

    /// Takes the first entries off that are due and that their owners want to fire; says how many. `None`: somebody else is at it.
    fn pop(&self, now: u64, batch: &mut [Entry; BATCH]) -> Option<usize> {
        let mut entries = self.entries.try_lock()?;
        let mut count = 0;
        while count < BATCH && entries.first() <= now {
            let entry = entries.remove(0);
            let node = entry.node();
            let fires = if entry.is_tracked() {
                // SAFETY: the node was in the heap, so its owner has not passed `disarm` yet, which needs the lock that we hold.
                let ops = unsafe { node.as_ref() }.ops;
                // SAFETY: as above; it has just been taken off.
                unsafe { (ops.due)(node) }
            } else {
                fetch::soon(node.as_ptr());
                true
            };
            if fires {
                batch[count] = entry;
                count += 1;
            }
        }
        self.publish(&entries);
        Some(count)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sys::rand::Rng;

    /// A timer that notes that it has fired.
    #[repr(C)]
    struct Probe {
        node: Node,
        id: usize,
    }

    static OPS: Ops = Ops { due: |_| true, prepare: |_| (), fire };
    thread_local!(static FIRED: Cell<Vec<usize>> = const { Cell::new(Vec::new()) });

    unsafe fn fire(node: NonNull<Node>, _: Firing) {
        // SAFETY: nodes of these tests are the first field of a Probe, which outlives its timer.
        let id = unsafe { node.cast::<Probe>().as_ref() }.id;
        FIRED.set(FIRED.take().into_iter().chain([id]).collect());
    }

    unsafe fn fire_bare(what: NonNull<()>, _: Firing) {
        // SAFETY: bare entries of these tests are numbers.
        let id = *unsafe { what.cast::<usize>().as_ref() };
        FIRED.set(FIRED.take().into_iter().chain([id]).collect());
    }

    fn probe(id: usize) -> &'static Probe {
        Box::leak(Box::new(Probe { node: Node::new(&OPS), id }))
    }

    fn timers() -> &'static Timers {
        Box::leak(Box::new(Timers::new()))
    }

    fn arm(probe: &'static Probe, when: u64, timers: &'static Timers) -> Armed {
        // SAFETY: one thread; probes are never freed.
        unsafe { Node::arm(NonNull::from(probe).cast(), when, timers) }
    }

    fn run(timers: &Timers, now: u64) -> Vec<usize> {
        let count = timers.run(now, core::ptr::null(), fire_bare);
        let fired = FIRED.take();
        assert_eq!(fired.len(), count);
        fired
    }

    #[test]
    fn due_ones_fire_in_order_and_late_ones_wait() {
        let timers = timers();
        for (when, id) in [(30, 3), (10, 1), (20, 2)] {
            arm(probe(id), when, timers);
        }
        // SAFETY: as in `arm`.
        unsafe { timers.add_untracked(15, NonNull::from(probe(4)).cast()) };
        let number: &usize = Box::leak(Box::new(5));
        // SAFETY: a number, which stays.
        unsafe { timers.add_bare(12, NonNull::from(number).cast()) };
        assert_eq!(timers.next(), 10);
        assert_eq!(run(timers, 20), [1, 5, 4, 2]);
        assert_eq!(timers.next(), 30);
        assert_eq!(run(timers, 29), []);
        assert_eq!(run(timers, 30), [3]);
        assert_eq!(timers.next(), NEVER);
    }

    #[test]
    fn one_that_is_moved_or_stopped_does_so_at_once() {
        let timers = timers();
        let (a, b) = (probe(1), probe(2));
        assert_eq!(arm(a, 50, timers), Armed { again: false, earliest: true });
        assert_eq!(arm(b, 60, timers), Armed { again: false, earliest: false });
        assert_eq!(arm(b, 40, timers), Armed { again: true, earliest: true });
        assert_eq!(arm(b, 70, timers), Armed { again: true, earliest: false });
        assert_eq!(timers.next(), 50);
        // SAFETY: one thread.
        assert!(unsafe { a.node.disarm() });
        // SAFETY: one thread.
        assert!(!unsafe { a.node.disarm() });
        assert_eq!(timers.next(), 70);
        assert_eq!(run(timers, 100), [2]);
        // SAFETY: one thread.
        assert!(!unsafe { b.node.disarm() });
    }

    #[test]
    fn agrees_with_a_sorted_list() {
        let timers = timers();
        let rng = Rng::new(7);
        let probes: Vec<_> = (0..500).map(probe).collect();
        let mut expected = std::collections::BTreeMap::new();
        for step in 0..20_000u64 {
            let id = rng.below(500) as usize;
            if rng.below(3) == 0 {
                // SAFETY: one thread.
                assert_eq!(unsafe { probes[id].node.disarm() }, expected.remove(&id).is_some());
            } else {
                let when = u64::from(rng.below(1_000_000)) << 16 | step; // no two are equal
                assert_eq!(arm(probes[id], when, timers).again, expected.insert(id, when).is_some());
            }
            assert_eq!(timers.next(), expected.values().min().copied().unwrap_or(NEVER));
        }
        let mut order: Vec<_> = expected.into_iter().map(|(id, when)| (when, id)).collect();
        order.sort_unstable();
        assert_eq!(run(timers, NEVER - 1), order.iter().map(|&(_, id)| id).collect::<Vec<_>>());
    }
}
