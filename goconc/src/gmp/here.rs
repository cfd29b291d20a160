//! The M of the calling thread, from a thread-local: the second way to ask who runs here, beside the stack pointer (`g::current`).
//!
//! To find the goroutine from the stack pointer, and the M from the goroutine, is right everywhere, also in the middle of a function
//! that changes threads. But it makes each switch wait for the one before: the new stack pointer, the header, the M, its queue, the next
//! header, and the next stack pointer are loaded one after the other, 40 cycles in all. What the thread-local says waits for nothing.
//!
//! It may be asked only in a function that is not inlined and does not switch: the compiler takes a thread-local's address to be the same
//! all through a function.

use core::cell::Cell;

use crate::gmp::M;

std::thread_local! {
    static HERE: Cell<Option<&'static M>> = const { Cell::new(None) };
}

/// The M whose thread this is. See the head of this file for who may ask.
#[inline(always)]
pub(crate) fn m() -> Option<&'static M> {
    HERE.get()
}

/// From now on this thread is that of `m`, or of no M.
pub(crate) fn settle(m: Option<&'static M>) {
    HERE.set(m);
}
