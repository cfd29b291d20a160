//! Fetching memory into the cache before it is needed.

/// Has the CPU fetch the cache line of `at`, if it can, without waiting for it. A hint: `at` need not lead anywhere.
#[inline(always)]
pub(crate) fn soon<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: part of every x86-64 CPU; touches nothing, and faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = at;
    }
}

/// As [`soon`], for who will write there: takes the line away from other CPUs at once.
#[inline(always)]
pub(crate) fn to_write<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: touches nothing, and faults on no address; CPUs that do not know it take it for a `nop`.
    unsafe {
        core::arch::asm!("prefetchw [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = at;
    }
}

/// As [`soon`], for `count` cache lines from the one of `at` on.
#[inline(always)]
pub(crate) fn lines(at: usize, count: usize) {
    for i in 0..count {
        soon((at + i * LINE) as *const u8);
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;
