//! The atomics that the modelled protocols use: core's, or loom's under `--cfg loom`.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};

/// A full fence, for who has given a lock of `parking_lot` back since the stores that it is about.
#[inline(always)]
pub(crate) fn fence_behind_unlock() {
    // On x86-64 that was a locked instruction, which is one.
    #[cfg(target_arch = "x86_64")]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(target_arch = "x86_64"))]
    fence(Ordering::SeqCst);
}
