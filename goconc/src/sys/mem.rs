//! Address space: reserve, commit, guard, give back. One thin function per system call.
//!
//! ```text
//!   reserve          commit           guard_install / guard_protect
//!   PROT_NONE  --->  read + write --->  touching it is SIGSEGV
//!                    ^  discard: zeros again, the memory goes back to the kernel
//! ```
//!
//! Addresses are plain numbers (`usize`); [`reserve`] exposes the provenance of what it maps, so a number from
//! there may be turned back into a pointer. Every range must begin and end at a page. Whatever changes what memory
//! holds, or who may touch it, is unsafe; hints are not. Nothing here allocates.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// `MADV_GUARD_INSTALL` of `asm-generic/mman-common.h` (Linux 6.13), not in libc yet: drops the pages of the range
/// and makes every access to it SIGSEGV. Lives in the page tables, splits no mapping, survives `MADV_DONTNEED` and
/// `fork`.
const MADV_GUARD_INSTALL: i32 = 102;

/// The most ranges that one [`guard_install_many`] may name (`UIO_MAXIOV` of the kernel).
pub(crate) const MAX_RANGES: usize = 1024;

/// The size of a page.
pub(crate) fn page_size() -> usize {
    static CACHED: AtomicUsize = AtomicUsize::new(0);
    let cached = CACHED.load(Ordering::Relaxed); // alone: whoever sees 0 asks again and stores the same number
    if cached != 0 {
        return cached;
    }
    // SAFETY: sysconf only takes a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let size = usize::try_from(size).ok().filter(|n| n.is_power_of_two()).unwrap_or(4096);
    CACHED.store(size, Ordering::Relaxed); // alone, see above
    size
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reserves `len` bytes of address space that nobody may touch yet, and that count against no memory limit but
/// `RLIMIT_AS` (and, under `mlockall(MCL_FUTURE)`, `RLIMIT_MEMLOCK`).
pub(crate) fn reserve(len: usize) -> io::Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: without MAP_FIXED the kernel picks a range that nothing uses.
    let addr = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
    if addr == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(addr.expose_provenance()) }
}

/// Unmaps a range.
///
/// # Safety
/// The range came from [`reserve`], and nothing in it is used any more.
pub(crate) unsafe fn unmap(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: the caller gave up the range.
    check(unsafe { libc::munmap(pointer(addr), len) })
}

/// Makes a reserved range readable and writable. It holds zeros and costs memory only page by page, when touched.
///
/// # Safety
/// The range came from [`reserve`] and holds no guard made by [`guard_protect`].
pub(crate) unsafe fn commit(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: the range is the caller's, and allowing more breaks nobody.
    check(unsafe { libc::mprotect(pointer(addr), len, libc::PROT_READ | libc::PROT_WRITE) })
}

/// Guards a range with `MADV_GUARD_INSTALL`: no mapping is split. `EINVAL` before Linux 6.13, and on locked memory.
///
/// # Safety
/// The range is committed and nothing in it is used.
pub(crate) unsafe fn guard_install(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: the caller gave up the contents and the use of the range.
    check(unsafe { libc::madvise(pointer(addr), len, MADV_GUARD_INSTALL) })
}

/// [`guard_install`] on many ranges with one call; returns how many bytes were guarded, from the first range on.
/// `me` is a [`self_pidfd`].
///
/// # Safety
/// As for [`guard_install`], for each range. There are at most [`MAX_RANGES`].
pub(crate) unsafe fn guard_install_many(me: RawFd, ranges: &[libc::iovec]) -> io::Result<usize> {
    // SAFETY: the caller gave up the ranges. If `me` has come to mean another process (fork), the kernel refuses:
    // guards can only be installed in the caller's own memory.
    let n = unsafe {
        libc::syscall(libc::SYS_process_madvise, me, ranges.as_ptr(), ranges.len(), MADV_GUARD_INSTALL, 0)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// A range, as [`guard_install_many`] takes it.
pub(crate) fn range(addr: usize, len: usize) -> libc::iovec {
    libc::iovec { iov_base: pointer(addr), iov_len: len }
}

/// Guards a range with `mprotect(PROT_NONE)`. Works everywhere, but costs up to two mappings of `vm.max_map_count`.
///
/// # Safety
/// The range came from [`reserve`] and nothing in it is used.
pub(crate) unsafe fn guard_protect(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: the caller gave up the use of the range.
    check(unsafe { libc::mprotect(pointer(addr), len, libc::PROT_NONE) })
}

/// Gives the memory of a range back to the kernel: it holds zeros afterwards. Guards stay. `EINVAL` on locked memory.
///
/// # Safety
/// The range came from [`reserve`], and nothing in it is needed any more.
pub(crate) unsafe fn discard(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: the caller gave up the contents of the range.
    check(unsafe { libc::madvise(pointer(addr), len, libc::MADV_DONTNEED) })
}

/// Asks for small pages in a range. A hint: it fails on kernels that have no huge pages, where it is not needed.
pub(crate) fn no_huge_pages(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: changes neither the contents of the range nor who may touch it.
    check(unsafe { libc::madvise(pointer(addr), len, libc::MADV_NOHUGEPAGE) })
}

/// Takes a range out of `mlockall`: guards cannot be installed in locked memory.
pub(crate) fn unlock(addr: usize, len: usize) -> io::Result<()> {
    // SAFETY: changes neither the contents of the range nor who may touch it.
    check(unsafe { libc::munlock(pointer(addr), len) })
}

/// Whether the byte at `addr` cannot be written, as the kernel sees it. Writes it if it can.
///
/// # Safety
/// The byte is unmapped, or came from [`reserve`] and nothing uses it.
pub(crate) unsafe fn is_guarded(addr: usize) -> bool {
    // SAFETY: the kernel checks the address and answers EFAULT; the caller gave up the byte otherwise.
    let n = unsafe { libc::getrandom(pointer(addr), 1, libc::GRND_NONBLOCK) };
    n == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// A descriptor of this process, for [`guard_install_many`]. Closed by `exec`.
pub(crate) fn self_pidfd() -> io::Result<OwnedFd> {
    // SAFETY: getpid has no arguments and cannot fail.
    let pid = unsafe { libc::getpid() };
    // SAFETY: pidfd_open takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just opened it for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The limit of the process's address space (`ulimit -v`), `None` when there is none.
pub(crate) fn address_space_limit() -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live rlimit.
    check(unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) }).ok()?;
    if limit.rlim_cur == libc::RLIM_INFINITY { None } else { usize::try_from(limit.rlim_cur).ok() }
}

/// How many mappings the kernel allows a process (`vm.max_map_count`); its default where it does not say.
pub(crate) fn max_map_count() -> usize {
    const DEFAULT: usize = 65_530;
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    text.ok().and_then(|s| s.trim().parse().ok()).unwrap_or(DEFAULT)
}

fn pointer(addr: usize) -> *mut c_void {
    ptr::with_exposed_provenance_mut(addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two committed pages that nothing uses.
    struct Pages(usize);

    impl Pages {
        fn new() -> Pages {
            let addr = reserve(2 * page_size()).expect("two pages");
            // SAFETY: just reserved.
            unsafe { commit(addr, 2 * page_size()) }.expect("two pages");
            Pages(addr)
        }

        fn byte(&self, offset: usize) -> *mut u8 {
            ptr::with_exposed_provenance_mut(self.0 + offset)
        }
    }

    impl Drop for Pages {
        fn drop(&mut self) {
            // SAFETY: the range is ours and nobody else's.
            unsafe { unmap(self.0, 2 * page_size()) }.expect("our own mapping");
        }
    }

    #[test]
    fn committed_pages_hold_zeros_until_written_and_after_discard() {
        let pages = Pages::new();
        let byte = pages.byte(page_size());
        // SAFETY: a committed byte of our own.
        assert_eq!(unsafe { byte.read() }, 0);
        // SAFETY: as above.
        unsafe { byte.write(7) };
        // SAFETY: nothing in the page is needed.
        unsafe { discard(pages.0 + page_size(), page_size()) }.expect("not locked");
        // SAFETY: a committed byte of our own.
        assert_eq!(unsafe { byte.read() }, 0);
    }

    #[test]
    fn only_the_protected_page_is_guarded() {
        let pages = Pages::new();
        // SAFETY: nothing uses the page.
        unsafe { guard_protect(pages.0, page_size()) }.expect("mprotect");
        // SAFETY: nothing uses either page.
        assert!(unsafe { is_guarded(pages.0 + page_size() - 1) });
        // SAFETY: as above.
        assert!(!unsafe { is_guarded(pages.0 + page_size()) });
    }

    #[test]
    fn a_reserved_page_may_not_be_touched() {
        let addr = reserve(page_size()).expect("a page");
        // SAFETY: nothing uses the page.
        assert!(unsafe { is_guarded(addr) });
        // SAFETY: as above.
        unsafe { unmap(addr, page_size()) }.expect("our own mapping");
    }
}
