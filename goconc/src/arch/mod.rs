//! Switching stacks. The contract that each architecture meets, and the only place that picks one.
//!
//! An architecture provides
//! * `prepare(base, entry, arg)`: writes what a first [`switch`] to that stack needs, so that it calls `entry(arg)`; says
//!   where that stack "stopped";
//! * `switch(stopped_at, to, on_stack)`: keeps what the caller needs on its stack, writes to `stopped_at` where that ends,
//!   goes to the stack that stopped at `to`, and clears `on_stack` there. It returns when somebody switches back;
//! * `stack_pointer()`: about where the caller's stack is.
//!
//! Any stack may switch to any other one: a goroutine to its M's own stack, and a goroutine straight to the next one. That is
//! why this is not a library's coroutine, which only goes back to whoever has resumed it.
//!
//! From the moment that `on_stack` is clear another thread may switch to the stack that was left: the clearing is a Release
//! store, after the last access to that stack. Nothing here reads a thread-local, and nothing unwinds across a switch:
//! `entry` never returns and catches every panic itself, and whoever walks the stack finds its end in `prepare`'s frame.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{prepare, stack_pointer, switch};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{prepare, stack_pointer, switch};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("goconc switches stacks on x86-64 and AArch64 only");

/// What runs on a new stack. Gets the argument of [`prepare`].
pub(crate) type Entry = extern "C" fn(*mut u8) -> !;

#[cfg(all(test, not(loom)))]
mod tests {
    use core::cell::Cell;
    use core::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const SIZE: usize = 1 << 18;

    /// Two stacks and what they say.
    struct Scene {
        here: Cell<usize>,
        there: Cell<usize>,
        on_stack: AtomicBool,
        turns: Cell<u64>,
        sum: Cell<f64>,
    }

    impl Scene {
        fn new() -> Scene {
            Scene {
                here: Cell::new(0),
                there: Cell::new(0),
                on_stack: AtomicBool::new(false),
                turns: Cell::new(0),
                sum: Cell::new(0.0),
            }
        }

        fn go_there(&self) {
            self.on_stack.store(true, Ordering::Relaxed); // one thread
            // SAFETY: `there` has been prepared, or has stopped in `go_here`, and only this thread switches.
            unsafe { switch(self.here.as_ptr(), self.there.get(), &self.on_stack) };
        }

        fn go_here(&self) {
            // SAFETY: as above.
            unsafe { switch(self.there.as_ptr(), self.here.get(), &self.on_stack) };
        }
    }

    extern "C" fn count(scene: *mut u8) -> ! {
        // SAFETY: the test passes its scene, which outlives the stack's last turn.
        let scene = unsafe { &*scene.cast::<Scene>() };
        let (mut turns, mut sum) = (0_u64, 0.5_f64);
        loop {
            assert!(!scene.on_stack.load(Ordering::Relaxed), "cleared on the new stack"); // one thread
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
        scene.there.set(unsafe { prepare(base, count, (&raw const scene).cast_mut().cast()) });
        let (mut turns, mut sum) = (0_u64, 0.5_f64);
        for _ in 0..1000 {
            turns += 1;
            sum *= 1.5;
            scene.go_there();
            assert_eq!(scene.turns.get(), turns);
            assert_eq!(scene.sum.get().to_bits(), sum.to_bits());
            assert!((base - SIZE..base).contains(&scene.there.get()), "it stopped on its own stack");
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
        scene.there.set(unsafe { prepare(new_stack(), walk, (&raw const scene).cast_mut().cast()) });
        scene.go_there();
        assert_eq!(scene.turns.get(), 1);
    }
}
