//! Which M's goroutine the calling thread runs, from a word of the thread's own: the second way to ask that, beside the stack pointer
//! (`g::current`).
//!
//! To find the goroutine from the stack pointer, and the M from the goroutine, takes 15 instructions, and makes each switch wait for the one
//! before: the new stack pointer, the header, the M, its queue, the next header, and the next stack pointer are loaded one after the
//! other, 40 cycles in all. What the thread says waits for nothing.
//!
//! Only for functions that are not inlined elsewhere: see `arch`. The word is read anew each time, and nobody has its address, so a goroutine
//! that changes threads in between gets the right answer, and takes nothing of the old thread along.

use crate::arch;
use crate::gmp::M;

/// The M whose goroutine runs here: the caller is on that one's stack. `None` on a plain thread's stack, and on an M's own. See the
/// head of this file for who may ask.
#[inline(always)]
pub(crate) fn m() -> Option<&'static M> {
    // SAFETY: zero, or an M, which is never freed: see `set`.
    unsafe { (arch::thread_word() as *const M).as_ref() }
}

/// The thread is about to leave the M's own stack, or has come back to it (`None`).
#[inline(always)]
pub(crate) fn set(m: Option<&'static M>) {
    arch::set_thread_word(m.map_or(0, |m| core::ptr::from_ref(m).expose_provenance()));
}
