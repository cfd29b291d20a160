//! Memory that is never given back: pieces of chunks, which grow.
//!
//! The heap of a thread that is not the first one grows by a system call a page, and each keeps the other threads' page faults
//! waiting. So what is needed piece by piece, and for ever, is asked for in chunks.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{alloc, handle_alloc_error};

use parking_lot::Mutex;

/// All pieces are aligned to this: a cache line.
const ALIGN: usize = 64;
/// The first chunk: a program of few goroutines needs no more.
const FIRST: usize = 16 << 10;
/// The largest.
const LARGEST: usize = 1 << 20;

struct Chunk {
    /// What is left of it.
    rest: *mut u8,
    len: usize,
    /// How large the next one is.
    next: usize,
}

// SAFETY: the memory is nobody's yet.
unsafe impl Send for Chunk {}

static CHUNK: Mutex<Chunk> = Mutex::new(Chunk { rest: core::ptr::null_mut(), len: 0, next: FIRST });

/// A piece of uninitialised memory, aligned to 64, for ever. `bytes` is a multiple of 64 and at most a few KiB.
pub(crate) fn piece(bytes: usize) -> NonNull<u8> {
    let mut chunk = CHUNK.lock();
    if chunk.len < bytes {
        chunk.grow(bytes);
    }
    let piece = chunk.rest;
    // SAFETY: there are that many bytes.
    chunk.rest = unsafe { piece.add(bytes) };
    chunk.len -= bytes;
    // SAFETY: `grow` has made sure of that.
    unsafe { NonNull::new_unchecked(piece) }
}

impl Chunk {
    #[cold]
    fn grow(&mut self, bytes: usize) {
        let len = self.next.max(bytes);
        let layout = Layout::from_size_align(len, ALIGN).expect("a few KiB, or a power of two");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            handle_alloc_error(layout);
        }
        (self.rest, self.len) = (start, len);
        self.next = (self.next * 2).min(LARGEST);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_and_apart() {
        let mut pieces: Vec<_> = (0..1000).map(|_| piece(4096).as_ptr() as usize).collect();
        pieces.sort_unstable();
        assert!(pieces.iter().all(|piece| piece.is_multiple_of(ALIGN)));
        assert!(pieces.windows(2).all(|pair| pair[0] + 4096 <= pair[1]));
    }
}
