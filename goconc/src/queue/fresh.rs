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

    /// The newest but `n`.
    #[inline]
    pub(crate) fn newest(&self, n: usize) -> Option<T> {
        if self.len() <= n { None } else { self.slots[self.tail.wrapping_sub(n + 1) % SIZE] }
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

    /// Makes `n` of them, or all, the oldest, so that they can be taken: from the oldest on, a run of `stay` is passed over, one of
    /// `take` is picked, and so on. Within those that are picked, and the others, the order remains.
    pub(crate) fn pick_out(&mut self, n: usize, stay: usize, take: usize) {
        let before = self.slots;
        let (mut picked, mut passed) = (n.min(self.len()), self.len().saturating_sub(n)); // still to come
        let (mut to_pick, mut to_pass) = (self.head, self.head.wrapping_add(picked));
        let mut from = self.head;
        while picked != 0 || passed != 0 {
            let pass = if picked == 0 { passed } else { stay.min(passed) };
            let pick = if passed == pass { picked } else { take.min(picked) };
            for (count, to) in [(pass, &mut to_pass), (pick, &mut to_pick)] {
                for _ in 0..count {
                    self.slots[*to % SIZE] = before[from % SIZE];
                    *to = to.wrapping_add(1);
                    from = from.wrapping_add(1);
                }
            }
            (picked, passed) = (picked - pick, passed - pass);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn newest_first_for_the_owner_and_oldest_on_request() {
        let mut fresh = Fresh::new();
        (0..5).for_each(|i| fresh.push(i));
        assert_eq!(
            (fresh.newest(0), fresh.newest(4), fresh.newest(5), fresh.pop()),
            (Some(4), Some(0), None, Some(4))
        );
        assert_eq!(fresh.pop_oldest(), Some(0));
        assert_eq!(fresh.len(), 3);
        assert_eq!([fresh.pop(), fresh.pop(), fresh.pop(), fresh.pop()], [Some(3), Some(2), Some(1), None]);
        assert_eq!(fresh.newest(0), None);
    }

    #[test]
    fn picks_out_runs_and_loses_none() {
        let runs = [(0, 1), (0, 7), (1, 1), (2, 3), (5, 1), (16, 16)];
        for (n, (stay, take)) in (0..=SIZE - 3).flat_map(|n| runs.map(|run| (n, run))) {
            for out in [0, 1, n / 3, n / 2, n, n + 1] {
                let mut fresh = Fresh::new();
                (0..n + 3).for_each(|i| fresh.push(i));
                (0..3).for_each(|i| assert_eq!(fresh.pop_oldest(), Some(i)));
                fresh.pick_out(out, stay, take);
                assert_eq!(fresh.len(), n);
                let picked: Vec<_> = core::iter::from_fn(|| fresh.pop_oldest()).take(out).collect();
                let passed: Vec<_> = core::iter::from_fn(|| fresh.pop_oldest()).collect();
                assert!(picked.is_sorted() && passed.is_sorted());
                let mut all = [picked, passed].concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(3..n + 3));
            }
        }
        let mut fresh = Fresh::new();
        (0..8).for_each(|i| fresh.push(i));
        fresh.pick_out(4, 2, 2);
        assert!(core::iter::from_fn(|| fresh.pop_oldest()).eq([2, 3, 6, 7, 0, 1, 4, 5]));
    }
}
