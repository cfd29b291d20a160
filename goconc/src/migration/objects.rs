//! What the dynamic linker knows: the loaded objects, and where the calling thread's TLS blocks lie.
//!
//! Invariants: the pointers of a `dl_phdr_info` are read only inside the callback, while the linker holds its
//! lock; nothing in a callback unwinds; `thread_tls` and `generation` allocate nothing.
//!
//! Who may touch it: `proof`, and the scheduler through `migration`.

use super::elf::{PT_TLS, Segment};
use std::ffi::{CStr, c_int, c_void};

/// sizeof(struct pthread) of glibc 2.36 on x86-64, as `_thread_db_sizeof_pthread` says. A thread's mapping ends
/// there, so a larger guess would reach into a neighbour; a smaller libc only costs a postponed move.
const TCB: usize = 2304;
/// Blocks this close to each other become one range: alignment leaves gaps, and each range costs a compare.
const GAP: usize = 64;
/// More ranges than this many are folded into the last one.
const RANGES: usize = 6;

/// One loaded object.
#[derive(Debug)]
pub(super) struct Object {
    /// The path the linker loaded it from; empty for the program itself.
    pub(super) path: String,
    /// Its program headers as they are in memory.
    pub(super) segments: Vec<Segment>,
}

impl Object {
    /// The TLS segment, unless it is empty.
    pub(super) fn tls(&self) -> Option<Segment> {
        self.segments.iter().copied().find(|s| s.kind == PT_TLS && s.memsz > 0)
    }

    /// The file's name without directories.
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The loaded objects, the program itself first.
pub(super) fn loaded() -> Vec<Object> {
    let mut objects = Vec::new();
    iterate(|info| {
        let name = info.dlpi_name;
        let path = if name.is_null() {
            String::new()
        } else {
            // SAFETY: the linker's names are C strings that live as long as the object, and it is locked in.
            unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
        };
        objects.push(Object { path, segments: segments(info).collect() });
        true
    });
    objects
}

/// A number that changes whenever an object is loaded or unloaded.
#[must_use]
pub(crate) fn generation() -> u64 {
    let mut generation = 0;
    iterate(|info| {
        generation = info.dlpi_adds.wrapping_add(info.dlpi_subs);
        false
    });
    generation
}

/// The memory that belongs to one thread: its TLS blocks and its control block, sorted, both ends included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TlsRanges {
    len: usize,
    ranges: [Range; RANGES],
}

/// `[low, low + span]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Range {
    low: usize,
    span: usize,
}

impl TlsRanges {
    /// Whether `word` is an address in one of the ranges. The end counts: it may be one past a block.
    #[inline]
    #[must_use]
    pub(crate) fn contains(&self, word: usize) -> bool {
        self.ranges[..self.len].iter().any(|r| word.wrapping_sub(r.low) <= r.span)
    }

    /// Whether `words` mention this thread's memory.
    #[inline]
    pub(super) fn mentioned(&self, words: &[usize]) -> bool {
        match self.ranges[..self.len] {
            // One range is the rule on Linux: the blocks and the control block lie together.
            [one] => words.iter().any(|w| w.wrapping_sub(one.low) <= one.span),
            _ => words.iter().any(|&w| self.contains(w)),
        }
    }

    /// Puts `[low, low + span]` in, merging what touches.
    fn insert(&mut self, low: usize, span: usize) {
        let (mut low, mut high) = (low, low.saturating_add(span));
        let mut kept = [Range::default(); RANGES + 1];
        let mut n = 0;
        for r in &self.ranges[..self.len] {
            let end = r.low + r.span;
            if r.low <= high.saturating_add(GAP) && low <= end.saturating_add(GAP) {
                (low, high) = (low.min(r.low), high.max(end));
            } else {
                kept[n] = *r;
                n += 1;
            }
        }
        kept[n] = Range { low, span: high - low };
        n += 1;
        kept[..n].sort_unstable_by_key(|r| r.low);
        if n > RANGES {
            // No room: the last two and what lies between them. A false hit only postpones a move.
            let (a, b) = (kept[n - 2], kept[n - 1]);
            kept[n - 2].span = b.low + b.span - a.low;
            n -= 1;
        }
        self.ranges.copy_from_slice(&kept[..RANGES]);
        self.len = n;
    }
}

/// The ranges of the calling thread.
///
/// Exact for everything that was loaded when the thread started. A block of a library that was loaded later is
/// made at its first use, so it may be missing here; under `auto` such a library makes the program sticky.
#[must_use]
pub(crate) fn thread_tls() -> TlsRanges {
    let mut tls = TlsRanges::default();
    if let Some(tp) = thread_pointer() {
        let (low, span) = control_block(tp);
        tls.insert(low, span);
    }
    iterate(|info| {
        let size = segments(info).filter(|s| s.kind == PT_TLS).map(|s| s.memsz).max().unwrap_or(0);
        if let (Ok(size @ 1..), false) = (usize::try_from(size), info.dlpi_tls_data.is_null()) {
            tls.insert(info.dlpi_tls_data.addr(), size);
        }
        true
    });
    tls
}

/// Whether we know this processor's thread pointer; without it the scan would miss it.
pub(super) fn supported() -> bool {
    thread_pointer().is_some()
}

/// x86-64 has the blocks below the thread pointer and the control block at it.
#[cfg(target_arch = "x86_64")]
fn control_block(tp: usize) -> (usize, usize) {
    (tp, TCB)
}

/// AArch64 has 16 bytes at the thread pointer, the control block below it and the blocks above.
#[cfg(not(target_arch = "x86_64"))]
fn control_block(tp: usize) -> (usize, usize) {
    (tp.saturating_sub(TCB), TCB + 16)
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn thread_pointer() -> Option<usize> {
    let tp: usize;
    // SAFETY: the ABI stores the thread pointer itself at fs:0, and the instruction changes nothing.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) tp, options(nostack, preserves_flags, readonly)) };
    Some(tp)
}

#[cfg(target_arch = "aarch64")]
#[inline(never)]
fn thread_pointer() -> Option<usize> {
    let tp: usize;
    // SAFETY: user code may read this register, and the instruction changes nothing.
    unsafe { std::arch::asm!("mrs {}, tpidr_el0", out(reg) tp, options(nostack, preserves_flags, nomem)) };
    Some(tp)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn thread_pointer() -> Option<usize> {
    None
}

/// The program headers of the object that `info` describes.
fn segments(info: &libc::dl_phdr_info) -> impl Iterator<Item = Segment> + '_ {
    let n = if info.dlpi_phdr.is_null() { 0 } else { usize::from(info.dlpi_phnum) };
    let first = if n == 0 { std::ptr::NonNull::dangling().as_ptr() } else { info.dlpi_phdr };
    // SAFETY: the object has `dlpi_phnum` headers there and stays loaded while the linker's callback runs.
    let headers = unsafe { std::slice::from_raw_parts(first, n) };
    headers.iter().map(|h| Segment {
        kind: h.p_type,
        vaddr: h.p_vaddr,
        filesz: h.p_filesz,
        memsz: h.p_memsz,
        align: h.p_align,
    })
}

/// Calls `f` for each loaded object until it says `false`.
fn iterate<F: FnMut(&libc::dl_phdr_info) -> bool>(mut f: F) {
    // Aborts when `F` unwinds: the linker's frames are not ours to unwind.
    extern "C" fn each<F: FnMut(&libc::dl_phdr_info) -> bool>(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        f: *mut c_void,
    ) -> c_int {
        // SAFETY: `f` is the address of the closure that `iterate` keeps for the whole call, used by it alone.
        let f = unsafe { &mut *f.cast::<F>() };
        // SAFETY: the linker passes a record that is valid until we return; glibc 2.4 and musl fill all fields.
        let info = unsafe { &*info };
        c_int::from(!f(info))
    }
    // SAFETY: `each::<F>` matches the closure whose address goes with it, and the call ends before `f` does.
    unsafe { libc::dl_iterate_phdr(Some(each::<F>), (&raw mut f).cast()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::hint::black_box;

    std::thread_local! {
        static HERE: Cell<u64> = const { Cell::new(0) };
    }

    fn here() -> usize {
        HERE.with(|c| std::ptr::from_ref(c).addr())
    }

    #[test]
    fn finds_own_block_and_no_other() {
        let mine = thread_tls();
        assert!(mine.contains(here()), "{mine:x?}");
        // SAFETY: always returns the address of this thread's errno.
        assert!(mine.contains(unsafe { libc::__errno_location() }.addr()));
        assert!(mine.contains(thread_pointer().unwrap()));
        std::thread::scope(|s| {
            s.spawn(|| {
                assert!(!mine.contains(here()));
                assert!(!thread_tls().contains(std::ptr::from_ref(&mine).addr()));
                assert!(thread_tls().contains(here()));
            });
        });
        let local = 0;
        assert!(!mine.contains(std::ptr::from_ref(black_box(&local)).addr()));
        assert!(!mine.contains(0));
    }

    #[test]
    fn ranges_merge_and_fold() {
        let mut tls = TlsRanges::default();
        tls.insert(1000, 100);
        tls.insert(1120, 10);
        assert_eq!(tls.len, 1);
        assert!(tls.contains(1000) && tls.contains(1130) && !tls.contains(1131) && !tls.contains(999));
        for i in 2..20 {
            tls.insert(i * 10_000, 8);
        }
        assert_eq!(tls.len, RANGES);
        assert!((2..20).all(|i| tls.contains(i * 10_000 + 8)));
        assert!(!tls.contains(15_000));
        tls.insert(usize::MAX, 8);
        assert!(tls.contains(usize::MAX));
    }

    #[test]
    fn program_comes_first() {
        let all = loaded();
        assert!(all[0].tls().is_some());
        assert!(all.iter().skip(1).all(|o| !o.path.is_empty()), "{all:?}");
        assert_eq!(generation(), generation());
    }
}
