//! The backend on top of the `corosensei` crate: a switch is a call and a return, 1.9 ns for the pair.

use core::num::NonZeroUsize;
use core::ptr::NonNull;

use ::corosensei::stack::{Stack, StackPointer};
use ::corosensei::{Coroutine, Yielder};

/// What runs on a new stack. Gets the argument of [`Context::new`] and the way back.
pub(crate) type Entry = fn(NonNull<u8>, Suspender) -> Never;

/// A type without values: `entry` does not return.
pub(crate) enum Never {}

/// A stack that somebody else owns, as corosensei wants to see it.
struct Borrowed {
    base: NonZeroUsize,
    limit: NonZeroUsize,
}

// SAFETY: `Context::new` demands a guarded stack of at least 4 KiB with these bounds.
unsafe impl Stack for Borrowed {
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        self.limit
    }
}

/// A stack that is not running, and where it stopped.
pub(crate) struct Context(Coroutine<(), (), Never, Borrowed>);

impl Context {
    /// Prepares `entry(arg, ..)` on the stack `limit..base`.
    ///
    /// # Safety
    /// * `limit..base` is committed memory with a guard page at its low end, used by nobody else, for ever.
    /// * `base` is 16-aligned.
    pub(crate) unsafe fn new(
        base: NonZeroUsize,
        limit: NonZeroUsize,
        entry: Entry,
        arg: NonNull<u8>,
    ) -> Self {
        let body = move |yielder: &Yielder<(), ()>, ()| entry(arg, Suspender(NonNull::from(yielder)));
        // SAFETY: the closure borrows nothing but `arg`, which the caller keeps alive with the stack.
        Context(unsafe { Coroutine::with_stack_unchecked(Borrowed { base, limit }, body) })
    }

    /// Runs the stack until it suspends.
    ///
    /// # Safety
    /// * `this` is live, nobody else resumes it meanwhile, and its stack may run on this thread.
    #[inline(always)]
    pub(crate) unsafe fn resume(this: *mut Self) {
        // SAFETY: live and exclusive by contract.
        let coroutine = unsafe { &mut (*this).0 };
        coroutine.resume(());
    }
}

/// The way back from a stack to whoever resumed it. Valid as long as the stack is.
#[derive(Clone, Copy)]
pub(crate) struct Suspender(NonNull<Yielder<(), ()>>);

impl Suspender {
    /// Goes back to the resumer; returns when the stack is resumed again, perhaps on another thread.
    ///
    /// # Safety
    /// * The caller runs on the stack that this suspender was made for.
    #[inline(always)]
    pub(crate) unsafe fn suspend(self) {
        // SAFETY: the yielder lives at the base of the caller's own stack.
        unsafe { self.0.as_ref() }.suspend(());
    }
}

/// An address inside the caller's frame.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let sp: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: copies a register and touches nothing else.
    unsafe {
        core::arch::asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: copies a register and touches nothing else.
    unsafe {
        core::arch::asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    sp
}
