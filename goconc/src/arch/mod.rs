//! Switching stacks. The contract that each architecture meets, and the only place that picks one.
//!
//! An architecture provides
//! * `prepare(base, entry, arg)`: writes what a first [`switch`] to that stack needs, so that it calls `entry(arg)`; says
//!   where that stack "stopped";
//! * `switch(from, to)`: keeps what the caller needs on its stack, writes to `from` where that ends, goes to the stack that stopped
//!   at `to`, and clears the byte that says that `from` is in use. It returns when somebody switches back;
//! * `stack_pointer()`: about where the caller's stack is;
//! * `thread_word()` and `set_thread_word(word)`: a word of the thread's own, zero at first. What `thread_local!` gives takes a call, in
//!   the eyes of the compiler, so that nothing can stay in a register across it, and the compiler may keep its address. Only for
//!   functions of this crate that are not inlined elsewhere: the word's symbol is hidden.
//!
//! Any stack may switch to any other one: a goroutine to its M's own stack, and a goroutine straight to the next one. That is
//! why this is not a library's coroutine, which only goes back to whoever has resumed it.
//!
//! From the moment that this byte is clear another thread may switch to the stack that was left: the clearing is a Release
//! store, after the last access to that stack. A switch reads no thread-local, and nothing unwinds across it:
//! `entry` never returns and catches every panic itself, and whoever walks the stack finds its end in `prepare`'s frame.

use core::arch::global_asm;
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

/// The symbol of `thread_word`: with the version, as a program may have two, and with the crate's path, by which the proof that
/// goroutines may move knows it.
macro_rules! word {
    () => {
        concat!(
            "\"goconc::arch::word_",
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR"),
            "_",
            env!("CARGO_PKG_VERSION_PATCH"),
            "\""
        )
    };
}

global_asm!(
    ".pushsection .tbss.goconc, \"awT\", @nobits",
    concat!(".globl ", word!()),
    concat!(".hidden ", word!()),
    concat!(".type ", word!(), ", @object"),
    concat!(".size ", word!(), ", 8"),
    ".balign 8",
    concat!(word!(), ": .zero 8"),
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{prepare, set_thread_word, stack_pointer, switch, thread_word};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{prepare, set_thread_word, stack_pointer, switch, thread_word};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("goconc switches stacks on x86-64 and AArch64 only");

/// Where a stack has stopped.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Context {
    /// To the byte. Written by [`switch`].
    stopped_at: Cell<usize>,
    /// In its lowest byte, whether its thread is still on it, though it stops: cleared by [`switch`], which writes that byte alone while
    /// nobody else writes. In the upper half, what it said when it began to stop. One word, so that all of that is one store.
    stop: AtomicU32,
}

const _: () = assert!(cfg!(target_endian = "little"), "the lowest byte comes first");

impl Context {
    const IN_USE: usize = core::mem::offset_of!(Context, stop);
    const NOTE: u32 = 16;

    /// Of a stack that has stopped there, or of none (zero).
    pub(crate) fn new(stopped_at: usize) -> Context {
        Context { stopped_at: Cell::new(stopped_at), stop: AtomicU32::new(0) }
    }

    /// Where it has stopped. By its owner.
    #[inline(always)]
    pub(crate) fn stopped_at(&self) -> usize {
        self.stopped_at.get()
    }

    /// It stops, and says so much of it: nobody else may switch to it before it has. On the stack itself.
    #[inline(always)]
    pub(crate) fn begins_to_stop(&self, note: u16) {
        self.stop.store(u32::from(note) << Self::NOTE | 1, Ordering::Relaxed); // what makes the stack findable publishes it
    }

    /// It goes on after all.
    #[inline(always)]
    pub(crate) fn does_not_stop(&self) {
        let stop = self.stop.load(Ordering::Relaxed) & !1; // its own; nobody else waits, as nobody else has it
        self.stop.store(stop, Ordering::Relaxed); // as above
    }

    /// What it said when it began to stop last.
    #[inline(always)]
    pub(crate) fn note(&self) -> u16 {
        (self.stop.load(Ordering::Relaxed) >> Self::NOTE) as u16 // the owner's, or a picture for others
    }

    /// Whether its last thread is still on it. By its owner, on another thread.
    pub(crate) fn is_in_use(&self) -> bool {
        self.stop.load(Ordering::Acquire) & 1 != 0 // pairs with the Release in `switch`: the stack is as it was left
    }
}

/// What runs on a new stack. Gets the argument of [`prepare`].
pub(crate) type Entry = extern "C" fn(*mut u8) -> !;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SIZE: usize = 1 << 18;

    /// Two stacks and what they say.
    struct Scene {
        here: Context,
        there: Context,
        turns: Cell<u64>,
        sum: Cell<f64>,
    }

    impl Scene {
        fn new() -> Scene {
            Scene { here: Context::new(0), there: Context::new(0), turns: Cell::new(0), sum: Cell::new(0.0) }
        }

        fn go_there(&self) {
            self.here.begins_to_stop(0);
            // SAFETY: `there` has been prepared, or has stopped in `go_here`, and only this thread switches.
            unsafe { switch(&self.here, self.there.stopped_at()) };
        }

        fn go_here(&self) {
            // SAFETY: as above.
            unsafe { switch(&self.there, self.here.stopped_at()) };
        }
    }

    extern "C" fn count(scene: *mut u8) -> ! {
        // SAFETY: the test passes its scene, which outlives the stack's last turn.
        let scene = unsafe { &*scene.cast::<Scene>() };
        let (mut turns, mut sum) = (0_u64, 0.5_f64);
        loop {
            assert!(!scene.here.is_in_use(), "cleared on the new stack");
            let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(turns)));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&turns));
            turns += 1;
            sum *= 1.5;
            scene.turns.set(turns);
            scene.sum.set(sum);
            scene.go_here();
        }
    }

    fn new_stack() -> usize {
        let stack = Vec::leak(vec![0_u128; SIZE / size_of::<u128>()]).as_mut_ptr_range();
        stack.end.expose_provenance()
    }

    #[test]
    fn what_is_live_survives_on_both_stacks() {
        let scene = Scene::new();
        let base = new_stack();
        // SAFETY: leaked memory, enough for `count`.
        let at = unsafe { prepare(base, count, (&raw const scene).cast_mut().cast()) };
        scene.there.stopped_at.set(at);
        let (mut turns, mut sum) = (0_u64, 0.5_f64);
        for _ in 0..1000 {
            turns += 1;
            sum *= 1.5;
            scene.go_there();
            assert_eq!(scene.turns.get(), turns);
            assert_eq!(scene.sum.get().to_bits(), sum.to_bits());
            assert!((base - SIZE..base).contains(&scene.there.stopped_at()), "it stopped on its own stack");
        }
    }

    extern "C" fn walk(scene: *mut u8) -> ! {
        // SAFETY: as in `count`.
        let scene = unsafe { &*scene.cast::<Scene>() };
        let text = std::backtrace::Backtrace::force_capture().to_string();
        assert!(text.contains("walk"), "{text}");
        assert!(!text.contains("a_walk_ends_at_the_base"), "{text}");
        scene.turns.set(1);
        loop {
            scene.go_here();
        }
    }

    #[test]
    fn a_walk_ends_at_the_base() {
        let scene = Scene::new();
        // SAFETY: leaked memory, enough for `walk`.
        let at = unsafe { prepare(new_stack(), walk, (&raw const scene).cast_mut().cast()) };
        scene.there.stopped_at.set(at);
        scene.go_there();
        assert_eq!(scene.turns.get(), 1);
    }
}
