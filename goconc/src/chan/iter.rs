//! `for v in &ch`: receives until the channel is closed and drained.

use core::fmt;
use core::iter::FusedIterator;

use crate::chan::Recv;

/// Receives until the channel is closed and drained; each `next` parks like [`Recv::recv`].
#[derive(Clone)]
#[must_use = "an iterator receives nothing until it is asked"]
pub struct Iter<'a, T> {
    pub(super) recv: &'a Recv<T>,
}

/// As [`Iter`], with a handle of its own.
#[derive(Clone)]
#[must_use = "an iterator receives nothing until it is asked"]
pub struct IntoIter<T> {
    pub(super) recv: Recv<T>,
}

/// Receives what is there now; ends when a receive would wait.
#[derive(Clone)]
#[must_use = "an iterator receives nothing until it is asked"]
pub struct TryIter<'a, T> {
    pub(super) recv: &'a Recv<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline(always)]
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.recv.recv()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[inline(always)]
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.recv.recv()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.recv.try_recv().ok()
    }
}

// A closed and drained channel stays so.
impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.recv).finish()
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.recv).finish()
    }
}

impl<T> fmt::Debug for TryIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(self.recv).finish()
    }
}
