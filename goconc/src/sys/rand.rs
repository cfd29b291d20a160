//! Cheap random numbers for choices that must be fair, not secret (xorshift64*, owned by one thread at a time).

use core::cell::Cell;

/// A small generator. Not `Sync`: each M has its own.
#[derive(Debug)]
pub(crate) struct Rng(Cell<u64>);

impl Rng {
    /// A generator that starts from `seed` (any value).
    pub(crate) fn new(seed: u64) -> Self {
        Rng(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    /// The next 32 random bits.
    #[inline]
    pub(crate) fn next_u32(&self) -> u32 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// A number below `n` (`n > 0`), uniform to one part in 2^32 / n.
    #[inline]
    pub(crate) fn below(&self, n: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(n)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let rng = Rng::new(7);
        let mut seen = [0u32; 5];
        for _ in 0..10_000 {
            seen[rng.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 1_800), "{seen:?}");
    }
}
