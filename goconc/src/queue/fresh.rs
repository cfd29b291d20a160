//! `Fresh`: a P's private stack of unstarted goroutines, newest on top.
//!
//! Last in, first out for the owner: a child that runs at once finds its parent's cache lines and the hottest stack.
//! At most [`KEEP`] stay here; beyond that the oldest half is taken out, to be published as one chain.

/// How many unstarted goroutines a P keeps to itself.
pub(crate) const KEEP: usize = 64;
const SIZE: usize = 2 * KEEP; // room for a stolen chain on top of a full set; a power of two

/// A bounded double-ended stack of words. Owned by one thread at a time.
#[derive(Debug)]
pub(crate) struct Fresh<T> {
    slots: [Option<T>; SIZE],
    head: usize, // index of the oldest, not wrapped
    tail: usize, // index behind the newest, not wrapped
}

impl<T: Copy> Fresh<T> {
    /// An empty stack.
    pub(crate) const fn new() -> Self {
        Fresh { slots: [None; SIZE], head: 0, tail: 0 }
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.tail.wrapping_sub(self.head)
    }

    /// Puts one on top. The caller sees to it that there are never more than [`KEEP`] and one.
    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        assert!(self.len() < SIZE, "fresh: too many goroutines"); // one lost would be one run twice
        self.slots[self.tail % SIZE] = Some(item);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Takes the newest.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.head == self.tail {
            return None;
        }
        self.tail = self.tail.wrapping_sub(1);
        self.slots[self.tail % SIZE]
    }

    /// Takes the oldest.
    pub(crate) fn pop_oldest(&mut self) -> Option<T> {
        if self.head == self.tail {
            return None;
        }
        let item = self.slots[self.head % SIZE];
        self.head = self.head.wrapping_add(1);
        item
    }

    /// Splits off runs of `run` neighbours: one is kept, the next is given to `give` (oldest first), and so on.
    /// A tail shorter than a run counts as a run.
    pub(crate) fn deal(&mut self, run: usize, mut give: impl FnMut(&mut dyn Iterator<Item = T>)) {
        let (from, to) = (self.head, self.tail);
        let (mut kept, mut next) = (from, from);
        let mut keeping = true;
        while next != to {
            let end = next.wrapping_add(run.min(to.wrapping_sub(next)));
            let items = (0..end.wrapping_sub(next)).map(|i| next.wrapping_add(i) % SIZE);
            if keeping {
                for i in items {
                    self.slots[kept % SIZE] = self.slots[i];
                    kept = kept.wrapping_add(1);
                }
            } else {
                give(&mut items.filter_map(|i| self.slots[i]));
            }
            keeping = !keeping;
            next = end;
        }
        self.tail = kept;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn newest_first_for_the_owner_and_oldest_on_request() {
        let mut fresh = Fresh::new();
        (0..5).for_each(|i| fresh.push(i));
        assert_eq!(fresh.pop(), Some(4));
        assert_eq!(fresh.pop_oldest(), Some(0));
        assert_eq!(fresh.len(), 3);
        assert_eq!([fresh.pop(), fresh.pop(), fresh.pop(), fresh.pop()], [Some(3), Some(2), Some(1), None]);
    }

    #[test]
    fn deal_keeps_every_other_run_and_loses_none() {
        for n in 0..=SIZE {
            for run in 1..20 {
                let mut fresh = Fresh::new();
                (0..n).for_each(|i| fresh.push(i));
                let mut given = Vec::new();
                fresh.deal(run, |items| {
                    let items: Vec<_> = items.collect();
                    assert!(items.windows(2).all(|w| w[0] + 1 == w[1]), "neighbours stay together");
                    given.extend(items);
                });
                assert!(given.len() <= n.div_ceil(2));
                while let Some(i) = fresh.pop() {
                    given.push(i);
                }
                given.sort_unstable();
                assert!(given.into_iter().eq(0..n));
            }
        }
    }
}
