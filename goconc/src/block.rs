//! Blocks of 64 bytes for channels, from per-M free lists: the single biggest win of a short-lived channel.
//!
//! A block that a plain thread needs or frees goes through the depot. Blocks come from slabs that are never freed.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use parking_lot::Mutex;

use crate::sys::slab;

/// Bytes and alignment of a block: one cache line.
pub(crate) const SIZE: usize = 64;
/// Blocks per slab and per move between a cache and the depot.
const BATCH: usize = 64;

/// Raw memory for one channel.
#[repr(C, align(64))]
pub(crate) struct Block(UnsafeCell<MaybeUninit<[usize; SIZE / size_of::<usize>()]>>);

impl Block {
    /// The link of a free block.
    fn next(this: NonNull<Block>) -> NonNull<Option<NonNull<Block>>> {
        this.cast()
    }
}

/// A free list. Owned by one thread.
#[derive(Debug)]
pub(crate) struct Cache {
    head: Option<NonNull<Block>>,
    len: usize,
}

impl Cache {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Cache { head: None, len: 0 }
    }

    /// Takes a block; its content is whatever it was.
    #[inline]
    pub(crate) fn take(&mut self) -> NonNull<Block> {
        let block = match self.head {
            Some(block) => block,
            None => self.refill(),
        };
        // SAFETY: a free block holds its link.
        self.head = unsafe { Block::next(block).read() };
        self.len -= 1;
        block
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// * `block` came from a `take` and is used by nobody any more.
    #[inline]
    pub(crate) unsafe fn give(&mut self, block: NonNull<Block>) {
        // SAFETY: the block is ours again; it is large enough for the link.
        unsafe { Block::next(block).write(self.head) };
        self.head = Some(block);
        self.len += 1;
        if self.len >= 16 * BATCH {
            self.spill();
        }
    }

    #[cold]
    fn spill(&mut self) {
        let mut depot = DEPOT.lock();
        while self.len > 8 * BATCH {
            let mut batch = Cache::new();
            for _ in 0..BATCH {
                let block = self.take();
                // SAFETY: taken from our own list just now.
                unsafe { Block::next(block).write(batch.head) };
                batch.head = Some(block);
                batch.len += 1;
            }
            depot.0.push(batch);
        }
    }

    #[cold]
    fn refill(&mut self) -> NonNull<Block> {
        *self = DEPOT.lock().0.pop().unwrap_or_else(|| {
            let mut cache = Cache::new();
            let first = slab::piece(BATCH * SIZE).cast::<Block>();
            for i in 0..BATCH {
                // SAFETY: the piece is that large.
                let block = unsafe { first.add(i) };
                // SAFETY: a new block, nobody's yet.
                unsafe { Block::next(block).write(cache.head) };
                cache.head = Some(block);
                cache.len += 1;
            }
            cache
        });
        self.head.unwrap_or_else(|| crate::sys::throw::throw("block: an empty batch in the depot"))
    }
}

struct Depot(Vec<Cache>);
// SAFETY: the caches in the depot are owned by whoever holds its lock.
unsafe impl Send for Depot {}

static DEPOT: Mutex<Depot> = Mutex::new(Depot(Vec::new()));

/// For threads that have no cache: one block, from and to a cache that all of them share.
static SHARED: Mutex<Depot> = Mutex::new(Depot(Vec::new()));

/// Takes a block on a thread that is not an M.
pub(crate) fn take_shared() -> NonNull<Block> {
    let mut shared = SHARED.lock();
    if shared.0.is_empty() {
        shared.0.push(Cache::new());
    }
    shared.0[0].take()
}

/// Gives a block back on a thread that is not an M.
///
/// # Safety
/// * As [`Cache::give`].
pub(crate) unsafe fn give_shared(block: NonNull<Block>) {
    let mut shared = SHARED.lock();
    if shared.0.is_empty() {
        shared.0.push(Cache::new());
    }
    // SAFETY: by contract.
    unsafe { shared.0[0].give(block) };
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_distinct_and_come_back() {
        let mut cache = Cache::new();
        let mut blocks: Vec<_> = (0..5000).map(|_| cache.take()).collect();
        blocks.sort_unstable();
        assert!(blocks.windows(2).all(|w| w[0] != w[1]));
        for &block in &blocks {
            // SAFETY: taken above, given once.
            unsafe { cache.give(block) };
        }
        assert!(cache.len < 16 * BATCH, "the surplus is in the depot");
        let again: Vec<_> = (0..5000).map(|_| cache.take()).collect();
        assert!(again.iter().filter(|b| blocks.binary_search(b).is_ok()).count() > 4000);
    }
}
