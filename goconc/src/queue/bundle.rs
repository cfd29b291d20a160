//! `Bundle`: up to [`ROOM`] words side by side, in memory of its own: what goes from one thread to another in one piece.
//!
//! Words that are linked through what they lead to tell of each only once the one before it has come from memory, or from
//! another CPU. Of words side by side all are known at once, so what they lead to can be fetched ahead.

use core::cell::Cell;
use core::ptr::NonNull;

use parking_lot::Mutex;

use crate::sys::slab;

/// How many words a bundle holds.
pub(crate) const ROOM: usize = 32;
/// A cache keeps so many free ones at most. Half as many go to the depot and come from there at once.
const KEEP: usize = 32;

/// The words; where there are fewer than [`ROOM`], a zero behind the last one.
#[repr(C, align(64))]
struct Words([Cell<usize>; ROOM]);

/// Words that are not zero. Owned by whoever holds this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bundle(NonNull<Words>);

// SAFETY: the words are plain data, and owned by one thread at a time.
unsafe impl Send for Bundle {}

impl Bundle {
    /// Its words, in order. By the owner, who keeps it meanwhile.
    #[inline]
    pub(crate) fn words(self) -> impl Iterator<Item = usize> {
        self.places().iter().map(Cell::get).take_while(|word| *word != 0)
    }

    /// All words of one that is full. By the owner.
    #[inline]
    pub(crate) fn all(self) -> [usize; ROOM] {
        // SAFETY: bundles are never freed, and the caller owns this one; a cell is what it holds.
        unsafe { self.0.cast::<[usize; ROOM]>().read() }
    }

    #[inline]
    fn places<'a>(self) -> &'a [Cell<usize>; ROOM] {
        // SAFETY: bundles are never freed, and whoever holds this owns it.
        unsafe { &self.0.as_ref().0 }
    }

    /// Its address, a multiple of 64, for queues.
    #[inline]
    pub(crate) fn to_word(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// The way back from [`to_word`](Self::to_word).
    ///
    /// # Safety
    /// * `word` came from `to_word` of a bundle that the caller owns.
    #[inline]
    pub(crate) unsafe fn from_word(word: usize) -> Self {
        // SAFETY: by contract.
        Bundle(unsafe { NonNull::new_unchecked(word as *mut Words) })
    }
}

/// Free bundles. Owned by one thread.
#[derive(Debug)]
pub(crate) struct Cache(Vec<Bundle>);

/// Free bundles that no cache keeps.
static DEPOT: Mutex<Vec<Bundle>> = Mutex::new(Vec::new());

impl Cache {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Cache(Vec::new())
    }

    /// Makes a bundle of the first [`ROOM`] words, which are not zero. `None` when there are none.
    #[inline]
    pub(crate) fn pack(&mut self, mut words: impl Iterator<Item = usize>) -> Option<Bundle> {
        let first = words.next()?;
        let bundle = self.take();
        let places = bundle.places();
        places[0].set(first);
        let mut rest = places[1..].iter();
        for place in &mut rest {
            let word = words.next().unwrap_or(0);
            place.set(word);
            if word == 0 {
                break;
            }
        }
        Some(bundle)
    }

    /// Makes a full bundle.
    #[inline]
    pub(crate) fn pack_full(&mut self, words: &[usize; ROOM]) -> Bundle {
        let bundle = self.take();
        // SAFETY: bundles are never freed, and this one is ours; a cell is what it holds.
        unsafe { bundle.0.cast::<[usize; ROOM]>().write(*words) };
        bundle
    }

    #[inline]
    fn take(&mut self) -> Bundle {
        self.0.pop().unwrap_or_else(|| self.refill())
    }

    /// Keeps the memory of a bundle, which the caller gives up.
    #[inline]
    pub(crate) fn give(&mut self, bundle: Bundle) {
        if self.0.len() == KEEP {
            DEPOT.lock().extend(self.0.drain(KEEP / 2..));
        }
        self.0.push(bundle);
    }

    #[cold]
    fn refill(&mut self) -> Bundle {
        let mut depot = DEPOT.lock();
        let from = depot.len().saturating_sub(KEEP / 2);
        self.0.extend(depot.drain(from..));
        self.0.pop().unwrap_or_else(|| {
            let words = slab::piece(size_of::<Words>()).cast::<Words>();
            // SAFETY: the piece is that large and so aligned, and ours alone.
            unsafe { words.write(Words([const { Cell::new(0) }; ROOM])) };
            Bundle(words)
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_packed_in_order() {
        let mut cache = Cache::new();
        assert!(cache.pack(core::iter::empty()).is_none());
        for n in [1, 2, ROOM - 1, ROOM, ROOM + 1, 2] {
            let bundle = cache.pack(1..=n).expect("there are words");
            // SAFETY: owned.
            let bundle = unsafe { Bundle::from_word(bundle.to_word()) };
            assert!(bundle.words().eq(1..=n.min(ROOM)));
            assert!(n < ROOM || bundle.all().into_iter().eq(1..=ROOM));
            cache.give(bundle);
        }
    }

    #[test]
    fn the_surplus_goes_from_cache_to_cache() {
        let (mut from, mut to) = (Cache::new(), Cache::new());
        let bundles: Vec<_> = (1..=10 * KEEP).filter_map(|word| from.pack(core::iter::once(word))).collect();
        assert_eq!(bundles.iter().flat_map(|bundle| bundle.words()).sum::<usize>(), (1..=10 * KEEP).sum());
        bundles.iter().for_each(|bundle| to.give(*bundle));
        assert!(to.0.len() <= KEEP);
        let again: Vec<_> = (1..=5 * KEEP).filter_map(|word| from.pack(core::iter::once(word))).collect();
        let known = |b: &&Bundle| bundles.iter().any(|other| other.to_word() == b.to_word());
        assert!(again.iter().filter(known).count() > 4 * KEEP);
    }
}
