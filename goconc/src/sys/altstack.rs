//! A thread's alternate signal stack: where the handler of a stack overflow runs.
//!
//! ```text
//!   start            start + page                             start + len
//!   | PROT_NONE      | signal frame grows down from the top ->|
//! ```
//!
//! std gives its threads one of a few pages; that is too little for a report with a backtrace, and foreign threads
//! have none. Invariant: while an [`AltStack`] lives, its mapping exists and its thread, the only one that can drop
//! it, uses it.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;
use std::io;

use crate::sys::mem;

/// What a handler of ours may use besides the signal frame.
const SIZE: usize = 64 << 10;

/// `AT_MINSIGSTKSZ` of `linux/auxvec.h`: how large the kernel's signal frame can get on this processor (AVX-512,
/// AMX).
const AT_MINSIGSTKSZ: libc::c_ulong = 51;

/// An alternate signal stack of the thread that installed it. Dropping it puts the previous one back.
#[derive(Debug)]
pub(crate) struct AltStack {
    start: usize,
    len: usize,
    previous: libc::stack_t,
    /// It belongs to its thread: `!Send`.
    thread: PhantomData<*mut ()>,
}

impl AltStack {
    /// Gives the calling thread an alternate signal stack of at least 64 KiB with a guard page below it.
    pub(crate) fn install() -> io::Result<AltStack> {
        let page = mem::page_size();
        let len = usable_size() + page;
        let start = mem::reserve(len)?;
        // Owns the mapping from here on; the thread's present stack stays the previous one until we change it.
        let mut stack = AltStack { start, len, previous: exchange(None)?, thread: PhantomData };
        // SAFETY: just reserved; the lowest page stays as it is, the guard.
        unsafe { mem::commit(start + page, len - page) }?;
        let ours = libc::stack_t {
            ss_sp: ptr::with_exposed_provenance_mut(start + page),
            ss_flags: 0,
            ss_size: len - page,
        };
        stack.previous = exchange(Some(&ours))?;
        Ok(stack)
    }

    fn is_in_use(&self) -> bool {
        exchange(None).is_ok_and(|now| now.ss_sp.addr() == self.start + mem::page_size())
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        // Somebody may have installed another one over ours: then it is not ours to take away.
        if self.is_in_use() && exchange(Some(&self.previous)).is_err() {
            return; // we are on it (EPERM): leak it rather than pull it away
        }
        // SAFETY: the mapping is ours, and the thread does not use it any more.
        let _ = unsafe { mem::unmap(self.start, self.len) };
    }
}

/// Makes `new`, if any, the calling thread's alternate stack and returns the one before.
fn exchange(new: Option<&libc::stack_t>) -> io::Result<libc::stack_t> {
    let new = new.map_or(ptr::null(), ptr::from_ref);
    let mut old = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: `new` is null or a live stack_t whose memory stays mapped while it is installed (the invariant of this
    // file); `old` has room for the answer.
    if unsafe { libc::sigaltstack(new, old.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeros are a valid stack_t, and the kernel has filled it.
    Ok(unsafe { old.assume_init() })
}

/// 64 KiB, and when the processor's signal frames are large, that much on top of one frame.
fn usable_size() -> usize {
    // SAFETY: getauxval takes a number and answers 0 for what it does not know.
    let frame = unsafe { libc::getauxval(AT_MINSIGSTKSZ) };
    let frame = usize::try_from(frame).unwrap_or(0);
    let extra = if frame > SIZE / 4 { frame } else { 0 };
    (SIZE + extra).next_multiple_of(mem::page_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_puts_the_previous_one_back() {
        let before = exchange(None).expect("sigaltstack");
        let outer = AltStack::install().expect("memory");
        assert!(outer.is_in_use());
        {
            let inner = AltStack::install().expect("memory");
            assert!(inner.is_in_use());
            assert!(!outer.is_in_use());
        }
        assert!(outer.is_in_use());
        drop(outer);
        let after = exchange(None).expect("sigaltstack");
        assert_eq!(before.ss_sp, after.ss_sp);
        assert_eq!(before.ss_flags, after.ss_flags);
    }

    #[test]
    fn drop_leaves_none_where_there_was_none() {
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        let before = exchange(Some(&none)).expect("sigaltstack");
        drop(AltStack::install().expect("memory"));
        let after = exchange(Some(&before)).expect("sigaltstack");
        assert_eq!(after.ss_flags & libc::SS_DISABLE, libc::SS_DISABLE);
    }

    #[test]
    fn one_installed_over_it_is_left_alone() {
        let before = exchange(None).expect("sigaltstack");
        let lower = AltStack::install().expect("memory");
        let upper = AltStack::install().expect("memory");
        drop(lower);
        assert!(upper.is_in_use());
        // `upper` would bring back the mapping of `lower`, which is gone: put the first one back by hand.
        exchange(Some(&before)).expect("sigaltstack");
        drop(upper);
    }

    #[test]
    fn is_large_and_guarded() {
        let stack = AltStack::install().expect("memory");
        assert!(stack.len - mem::page_size() >= SIZE);
        // SAFETY: no signal handler runs on it now.
        assert!(unsafe { mem::is_guarded(stack.start) });
        // SAFETY: as above.
        assert!(!unsafe { mem::is_guarded(stack.start + mem::page_size()) });
    }
}
