//! The backend on top of the `corosensei` crate: a switch is a call and a return, 1.9 ns for the pair.

use core::num::NonZeroUsize;
use core::ops::Range;
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

    /// Where the stack stopped, to the byte, if that is in `window`: what is live begins there. `None`: unknown.
    ///
    /// corosensei tells nobody, but a coroutine consists of its stack's ends, where it stopped, where it began, and a function.
    ///
    /// # Safety
    /// * `this` is live, has run, and does not run.
    /// * Neither end of the stack nor the frame of its first function is in `window`.
    pub(crate) unsafe fn stopped_at(this: NonNull<Self>, window: Range<usize>) -> Option<usize> {
        const WORDS: usize = 5;
        if const { size_of::<Self>() != WORDS * size_of::<usize>() } {
            return None; // not the corosensei that we know
        }
        // SAFETY: the five words are all there is, so every byte is initialised; nobody writes them by contract.
        let words = unsafe { this.cast::<[usize; WORDS]>().read() };
        words.into_iter().find(|word| window.contains(word))
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

#[cfg(all(test, not(loom)))]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SIZE: usize = 1 << 16;
    static LAST: AtomicUsize = AtomicUsize::new(0);

    fn entry(_: NonNull<u8>, suspender: Suspender) -> Never {
        loop {
            LAST.store(stack_pointer(), Ordering::Relaxed);
            // SAFETY: on its stack.
            unsafe { suspender.suspend() };
        }
    }

    /// If this fails, corosensei keeps the place elsewhere, and goroutines are kept at home by what is dead on their stacks.
    #[test]
    fn knows_where_it_stopped() {
        let stack = Vec::leak(vec![0_u128; SIZE / size_of::<u128>()]).as_mut_ptr().addr();
        let (base, limit) = (NonZeroUsize::new(stack + SIZE).unwrap(), NonZeroUsize::new(stack).unwrap());
        // SAFETY: leaked memory, enough for `entry`.
        let context = unsafe { Context::new(base, limit, entry, NonNull::dangling()) };
        let context = NonNull::from(Box::leak(Box::new(context))); // to drop it would unwind `entry`
        for _ in 0..3 {
            // SAFETY: live, and on one thread.
            unsafe { Context::resume(context.as_ptr()) };
            let last = LAST.load(Ordering::Relaxed);
            // SAFETY: it has run; the window lies within `entry` and what that calls.
            let at = |window| unsafe { Context::stopped_at(context, window) };
            assert!(at(last - 1024..last).is_some_and(|at| at % size_of::<usize>() == 0));
            assert_eq!(at(last - 8192..last - 4096), None);
        }
    }
}
