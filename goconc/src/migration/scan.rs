//! Looks for a thread's memory on the stack of a parked goroutine.
//!
//! A parked stack holds every register the goroutine will have back (the switch saves them there), so a
//! thread-local's address that is still wanted after the park is one of its words. 30 to 230 words are usual.
//!
//! Who may touch it: `migration`. Who calls owns the goroutine, so its stack does not change meanwhile.

use super::objects::TlsRanges;

/// Whether one of `words` is an address in `ranges` or equals one of `extra`.
#[inline]
#[must_use]
pub(crate) fn mentions(words: &[usize], ranges: &TlsRanges, extra: &[usize]) -> bool {
    ranges.mentioned(words) || extra.iter().any(|e| words.contains(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::objects::thread_tls;

    #[test]
    fn finds_an_address_anywhere() {
        let tls = thread_tls();
        // SAFETY: always returns the address of this thread's errno.
        let errno = unsafe { libc::__errno_location() }.addr();
        for n in [1, 50, 227] {
            let mut words = vec![0x1234_5678_usize; n];
            assert!(!mentions(&words, &tls, &[42]));
            for at in 0..n {
                words[at] = errno;
                assert!(mentions(&words, &tls, &[]));
                words[at] = 42;
                assert!(mentions(&words, &tls, &[7, 42]));
                words[at] = 0;
            }
        }
        assert!(!mentions(&[], &tls, &[1]));
    }
}
