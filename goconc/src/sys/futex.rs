//! Wait and wake on a 32-bit word (Linux futex).
//!
//! `wait` may return for no reason: callers look at the word again. Private futexes only.

use core::sync::atomic::AtomicU32;
use std::time::Duration;

/// Blocks the calling thread while `word == expected`, at most for `timeout`. May return early.
pub(crate) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let spec = timeout.map(|d| libc::timespec {
        tv_sec: libc::time_t::try_from(d.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: d.subsec_nanos().into(),
    });
    let spec_ptr = spec.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: `word` is a live, aligned u32 and `spec_ptr` is null or points at a timespec that outlives the call.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            spec_ptr,
        );
    }
}

/// Wakes at most one thread that waits on `word`. The word may be gone already: only its address is used.
pub(crate) fn wake_one(word: *const AtomicU32) {
    // SAFETY: FUTEX_WAKE uses the address as a key and does not read through it.
    unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
    }
}
