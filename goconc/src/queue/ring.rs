//! `Ring`: an M's queue of goroutines that are at home on it, first in, first out.
//!
//! Its size is a power of two, so that a place is a mask away; it grows when it is full, and never shrinks. `VecDeque` does the same
//! for any size, in twice the instructions, and this is one of the few things that every switch does.

/// A queue of words. Owned by one thread at a time.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    /// Its places. How many, a power of two, `shape` tells.
    slots: Box<[Option<T>]>,
    /// Of the oldest, not wrapped.
    head: usize,
    shape: Shape,
}

/// How many places there are, less one, in the upper half, and how many are taken, in the lower one. One word, so that it is one load.
#[derive(Clone, Copy, Debug)]
struct Shape(u64);

impl Shape {
    fn new(places: usize, len: usize) -> Shape {
        Shape((places as u64 - 1) << 32 | len as u64)
    }

    #[inline(always)]
    fn mask(self) -> usize {
        (self.0 >> 32) as usize
    }

    #[inline(always)]
    fn len(self) -> usize {
        (self.0 as u32) as usize
    }
}

/// The first size.
const FIRST: usize = 64;

impl<T: Copy> Ring<T> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Ring { slots: vec![None; FIRST].into_boxed_slice(), head: 0, shape: Shape::new(FIRST, 0) }
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.shape.len()
    }

    /// Whether there is none.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the next one makes it grow.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.len() > self.shape.mask()
    }

    /// The place of the one that is at `index`, not wrapped.
    #[inline(always)]
    fn at(&self, index: usize) -> usize {
        index & self.shape.mask()
    }

    /// What is in the place of `index`, not wrapped.
    ///
    /// # Safety
    /// * `index` is one of those from the oldest one's to the newest one's.
    #[inline(always)]
    unsafe fn filled(&self, index: usize) -> T {
        // SAFETY: the number of places is a power of two, and one less masks whatever is no place.
        let slot = unsafe { self.slots.get_unchecked(self.at(index)) };
        // SAFETY: by contract; those are filled.
        unsafe { slot.unwrap_unchecked() }
    }

    #[inline(always)]
    fn set_slot(&mut self, index: usize, item: T) {
        let at = self.at(index);
        // SAFETY: as in `filled`.
        unsafe { *self.slots.get_unchecked_mut(at) = Some(item) };
    }

    /// Puts one behind the others.
    #[inline(always)]
    pub(crate) fn push_back(&mut self, item: T) {
        if self.is_full() {
            self.grow();
        }
        self.set_slot(self.head.wrapping_add(self.len()), item);
        self.shape.0 += 1;
    }

    /// The oldest.
    #[inline(always)]
    pub(crate) fn front(&self) -> Option<T> {
        self.get(0)
    }

    /// The newest.
    pub(crate) fn back(&self) -> Option<T> {
        self.get(self.len().wrapping_sub(1))
    }

    /// The one that comes after `n` others.
    #[inline(always)]
    pub(crate) fn get(&self, n: usize) -> Option<T> {
        // SAFETY: `n` is less than there are.
        (n < self.len()).then(|| unsafe { self.filled(self.head.wrapping_add(n)) })
    }

    /// All that come after `n` others, in order.
    pub(crate) fn iter_from(&self, n: usize) -> impl Iterator<Item = T> + '_ {
        (n..self.len()).filter_map(|i| self.get(i))
    }

    /// Takes the oldest.
    #[inline(always)]
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        self.pop_front_if(|_| true)
    }

    /// Takes the oldest, if it is one of those that are wanted.
    #[inline(always)]
    pub(crate) fn pop_front_if(&mut self, wanted: impl FnOnce(T) -> bool) -> Option<T> {
        let item = self.front()?;
        if !wanted(item) {
            return None;
        }
        self.head = self.head.wrapping_add(1);
        self.shape.0 -= 1;
        Some(item)
    }

    /// Takes the oldest, if it is one of those that are wanted, and puts `last` behind the others: the one that was taken, and the one
    /// that is the oldest now. For this there is always room.
    #[inline(always)]
    pub(crate) fn turn_if(&mut self, last: T, wanted: impl FnOnce(T) -> bool) -> Option<(T, T)> {
        let item = self.front()?;
        if !wanted(item) {
            return None;
        }
        self.set_slot(self.head.wrapping_add(self.len()), last);
        self.head = self.head.wrapping_add(1);
        // SAFETY: `last` is there, if nobody else.
        Some((item, unsafe { self.filled(self.head) }))
    }

    /// Takes all but the oldest `keep`, in order. They are gone when this returns, whatever becomes of the iterator.
    pub(crate) fn take_from(&mut self, keep: usize) -> impl Iterator<Item = T> + '_ {
        let len = self.len();
        let keep = keep.min(len);
        self.shape.0 -= (len - keep) as u64;
        let this = &*self;
        // SAFETY: they were there until now, and the ring is borrowed.
        (keep..len).map(move |n| unsafe { this.filled(this.head.wrapping_add(n)) })
    }

    /// Makes room for twice as many.
    #[cold]
    pub(crate) fn grow(&mut self) {
        let mut slots = vec![None; 2 * self.slots.len()].into_boxed_slice();
        let len = self.len();
        for (i, slot) in slots.iter_mut().enumerate().take(len) {
            *slot = self.get(i);
        }
        let shape = Shape::new(slots.len(), len);
        *self = Ring { slots, head: 0, shape };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::sys::rand::Rng;

    #[test]
    fn agrees_with_a_deque() {
        let (mut ring, mut deque) = (Ring::new(), VecDeque::new());
        let rng = Rng::new(3);
        let mut most = 0;
        for step in 0..200_000_u32 {
            match rng.below(if step < 100_000 { 5 } else { 3 }) {
                0 if step % 3 == 0 => {
                    let wanted = |item: u32| item % 4 != 3;
                    assert_eq!(ring.pop_front_if(wanted), deque.pop_front_if(|item| wanted(*item)));
                }
                0 if step % 3 == 1 => {
                    let turned = deque.pop_front_if(|item| *item % 4 != 1);
                    deque.extend(turned.map(|_| step));
                    let now = ring.turn_if(step, |item| item % 4 != 1);
                    assert_eq!(now, turned.zip(deque.front().copied()));
                    // Those that nobody wants must not stay for ever.
                    assert_eq!(ring.pop_front(), deque.pop_front());
                }
                0 => assert_eq!(ring.pop_front(), deque.pop_front()),
                1 if rng.below(500) == 0 => {
                    let keep = rng.below(deque.len() as u32 + 2) as usize;
                    let taken: Vec<_> = ring.take_from(keep).collect();
                    assert_eq!(VecDeque::from(taken), deque.split_off(keep.min(deque.len())));
                }
                _ => {
                    ring.push_back(step);
                    deque.push_back(step);
                }
            }
            most = most.max(deque.len());
            assert_eq!((ring.len(), ring.is_empty()), (deque.len(), deque.is_empty()));
            assert_eq!((ring.front(), ring.get(3)), (deque.front().copied(), deque.get(3).copied()));
            if step % 1000 == 0 {
                assert_eq!(ring.back(), deque.back().copied());
                assert!(ring.iter_from(2).eq(deque.iter().copied().skip(2)));
            }
        }
        assert!(most > 4 * FIRST, "it has grown");
    }

    #[test]
    fn in_a_full_ring_there_is_room_for_a_turn() {
        let mut ring = Ring::new();
        (0..FIRST).for_each(|i| ring.push_back(i));
        assert!(ring.is_full());
        (0..3 * FIRST).for_each(|i| {
            assert_eq!(ring.turn_if(i % FIRST, |_| true), Some((i % FIRST, (i + 1) % FIRST)));
        });
        assert_eq!((ring.is_full(), ring.slots.len()), (true, FIRST));
        assert_eq!(ring.turn_if(7, |_| false), None);
        assert_eq!(ring.len(), FIRST);
    }

    #[test]
    fn what_is_taken_is_gone_also_when_nobody_looks_at_it() {
        let mut ring = Ring::new();
        (0..10).for_each(|i| ring.push_back(i));
        drop(ring.take_from(4));
        assert_eq!(ring.len(), 4);
        ring.push_back(99);
        assert_eq!(ring.take_from(0).collect::<Vec<_>>(), [0, 1, 2, 3, 99]);
    }
}
