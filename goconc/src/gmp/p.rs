//! P: the right to run goroutines, and what goes with it.
//!
//! The M that holds a P (and is in the runtime, see `retake`) owns the private part. Anyone may steal from `shared` and
//! read the hints. Ps are made on demand and never freed.
//!
//! Who looks for surplus asks [`SURPLUS`], a bit a P, instead of every P: with many Ps that is one line, which nobody writes
//! while nothing changes. A bit may be set where nothing is; who finds that clears it. It may be clear where something is, when
//! that was put there while somebody cleared it. So an M that is about to sleep looks at the queues themselves
//! ([`any_shared`]), and sets the bit.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

use crossbeam_deque::{Steal, Stealer, Worker};

use crate::gmp::m::CacheLine;
use crate::gmp::{Chain, M, Record};
use crate::queue::fresh::Fresh;
use crate::sys::env::MAX_PROCS;
use crate::timer::Timers;

/// What only the holder touches.
#[derive(Debug)]
pub(crate) struct Private {
    /// Unstarted goroutines, newest on top.
    pub(crate) fresh: Fresh<core::ptr::NonNull<Record>>,
    /// How many of the oldest in `fresh` were looked at for dealing and kept.
    pub(crate) kept: usize,
    /// When `kept` was decided, or when fresh ones began to wait, in `clock::ticks`; zero: unknown.
    pub(crate) kept_since: u64,
    /// When something was published last, in `clock::ticks`.
    pub(crate) shared_at: u64,
    /// When started goroutines were.
    pub(crate) started_shared_at: u64,
    /// The surplus that others may steal; this side pushes and takes back.
    pub(crate) shared: Worker<Chain>,
}

/// A processor in Go's sense.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct P {
    /// Its number, 0 .. GOMAXPROCS.
    pub(crate) id: usize,
    private: UnsafeCell<Private>,
    /// `fresh.len()` for bystanders. Written by the holder.
    pub(crate) fresh_len: AtomicUsize,
    /// Chains that others were offered here, ever. Written by the holder.
    pub(crate) published: AtomicU64,
    /// The M that holds it, or null.
    pub(crate) m: AtomicPtr<M>,
    /// The M that held it last: the one to wake for it. Constant while idle.
    pub(crate) last_m: AtomicPtr<M>,
    /// Nobody holds it and it is not idle: GOMAXPROCS is too low for it. Under the scheduler's lock.
    pub(crate) retired: AtomicBool,
    stealer: Stealer<Chain>,
    /// Sleeping goroutines that went to sleep here.
    pub(crate) timers: Timers,
}

// SAFETY: `private` belongs to the holder of the P, which is one M at a time; the rest is Sync.
unsafe impl Sync for P {}
// SAFETY: nothing in a P is tied to a thread.
unsafe impl Send for P {}

impl P {
    fn new(id: usize) -> P {
        let shared = Worker::new_lifo();
        let stealer = shared.stealer();
        let private = Private {
            fresh: Fresh::new(),
            kept: 0,
            kept_since: 0,
            shared_at: 0,
            started_shared_at: 0,
            shared,
        };
        P {
            id,
            private: UnsafeCell::new(private),
            fresh_len: AtomicUsize::new(0),
            published: AtomicU64::new(0),
            m: AtomicPtr::new(core::ptr::null_mut()),
            last_m: AtomicPtr::new(core::ptr::null_mut()),
            retired: AtomicBool::new(true),
            stealer,
            timers: Timers::new(),
        }
    }

    /// The private part.
    ///
    /// # Safety
    /// * The caller holds this P (as its M in the runtime, or as sysmon while taking it) and keeps no other reference to
    ///   the private part meanwhile.
    #[inline(always)]
    #[expect(
        clippy::mut_from_ref,
        reason = "exclusive by the P protocol, which the borrow checker cannot see"
    )]
    pub(crate) unsafe fn private(&self) -> &mut Private {
        // SAFETY: exclusive by contract.
        unsafe { &mut *self.private.get() }
    }

    /// Brings the hint for bystanders up to date.
    #[inline(always)]
    pub(crate) fn note_len(&self, len: usize) {
        self.fresh_len.store(len, Ordering::Relaxed); // a hint: sysmon and thieves look again with the P in hand
    }

    /// Offers a chain to others. `shared` is the one in this P's private part.
    pub(crate) fn publish(&self, shared: &Worker<Chain>, chain: Chain) {
        shared.push(chain);
        // Relaxed: statistics, and only the holder writes.
        self.published.store(self.published.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.note_surplus();
    }

    /// Sets its bit. One that is set costs a look at a line that others only read.
    fn note_surplus(&self) {
        let (word, bit) = surplus_bit(self.id);
        // Relaxed: a hint; what it stands for is found by way of the queue, which carries the order.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Clears its bit, after a look that found nothing.
    #[cold]
    fn note_no_surplus(&self) {
        let (word, bit) = surplus_bit(self.id);
        word.fetch_and(!bit, Ordering::Relaxed); // the fence orders it
        fence(Ordering::SeqCst); // StoreLoad: what was put there before the bit was cleared is seen below
        if self.has_shared() {
            self.note_surplus();
        }
    }

    /// Whether there is something to steal.
    pub(crate) fn has_shared(&self) -> bool {
        !self.stealer.is_empty()
    }

    /// For an M that has found the bit: calls `steal`, if there is something to steal.
    fn steal_noted(&'static self, steal: impl FnOnce(&'static P) -> Option<Chain>) -> Option<Chain> {
        let chain = if self.has_shared() { steal(self) } else { None };
        if chain.is_none() {
            self.note_no_surplus();
        }
        chain
    }

    /// Takes the oldest published chain.
    pub(crate) fn steal(&self) -> Option<Chain> {
        loop {
            match self.stealer.steal() {
                Steal::Success(chain) => return Some(chain),
                Steal::Empty => return None,
                Steal::Retry => core::hint::spin_loop(),
            }
        }
    }

    /// How many chains there are to steal.
    pub(crate) fn shared_len(&self) -> usize {
        self.stealer.len()
    }

    /// Whether anything waits here that another M could run.
    pub(crate) fn has_work(&self) -> bool {
        self.fresh_len.load(Ordering::Relaxed) != 0 || self.has_shared() // hints, as in `note_len`
    }
}

static ALL: [AtomicPtr<P>; MAX_PROCS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_PROCS];

const WORD: usize = u64::BITS as usize;
const WORDS: usize = MAX_PROCS / WORD;

/// Which Ps may have something to steal.
static SURPLUS: CacheLine<[AtomicU64; WORDS]> = CacheLine([const { AtomicU64::new(0) }; WORDS]);

fn surplus_bit(id: usize) -> (&'static AtomicU64, u64) {
    (&SURPLUS[id / WORD], 1 << (id % WORD))
}

/// Calls `steal` for one of the Ps `0..procs` (and now and then from one beyond), the first that has one from number
/// `start` on.
pub(crate) fn steal_from(
    start: usize,
    procs: usize,
    mut steal: impl FnMut(&'static P) -> Option<Chain>,
) -> Option<Chain> {
    let words = procs.div_ceil(WORD);
    let (first, from) = (start / WORD, start % WORD);
    // The first word comes twice: from `start` on, and at the end what is below.
    (0..=words).find_map(|i| {
        let at = (first + i) % words;
        let mut bits = SURPLUS[at].load(Ordering::Relaxed); // as in `note_surplus`
        if i == 0 {
            bits &= u64::MAX << from;
        } else if i == words {
            bits &= !(u64::MAX << from);
        }
        core::iter::from_fn(|| {
            let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(get(at * WORD + bit))
        })
        .find_map(|p| p.steal_noted(&mut steal))
    })
}

/// Whether one of the Ps `0..procs` has something to steal: a look at the queues themselves, for who must not be wrong.
pub(crate) fn any_shared(procs: usize) -> bool {
    (0..procs).map(get).any(|p| {
        let has = p.has_shared();
        if has {
            p.note_surplus();
        }
        has
    })
}

/// The P with number `id`, which exists.
#[inline]
pub(crate) fn get(id: usize) -> &'static P {
    // SAFETY: published by `ensure` and never freed.
    unsafe { &*ALL[id].load(Ordering::Acquire) } // pairs with the Release in `ensure`
}

/// Makes the Ps 0..n exist. Under the scheduler's lock.
pub(crate) fn ensure(n: usize) {
    for (id, slot) in ALL.iter().enumerate().take(n) {
        if slot.load(Ordering::Relaxed).is_null() {
            // Relaxed above: only we write, under the lock. Release: pairs with the Acquire in `get`.
            slot.store(Box::into_raw(Box::new(P::new(id))), Ordering::Release);
        }
    }
}

/// Every P that exists.
pub(crate) fn all() -> impl Iterator<Item = &'static P> {
    // SAFETY: null, or published by `ensure` (pairs with its Release) and never freed.
    ALL.iter().map_while(|slot| unsafe { slot.load(Ordering::Acquire).as_ref() })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::gmp::Runnable;
    use core::ptr::NonNull;

    /// A chain that can be told from others. It is never run.
    fn chain() -> Chain {
        let words = Box::leak(Box::new([0_u64; 64]));
        let record = NonNull::from(words).cast::<u8>();
        // SAFETY: within the words, which are more than two records.
        let aligned = unsafe { record.add(record.align_offset(64)) };
        Chain::of(Runnable::unstarted(aligned.cast()))
    }

    /// One test for all: the Ps and their bits are the process's, and no other unit test has any.
    #[test]
    fn bits_lead_to_surplus_and_only_there() {
        const PROCS: usize = 130;
        ensure(PROCS);
        let publish = |id: usize| {
            // SAFETY: no M runs: the Ps are this test's.
            get(id).publish(&unsafe { get(id).private() }.shared, chain());
        };
        assert!(steal_from(0, PROCS, P::steal).is_none() && !any_shared(PROCS));
        for id in [0, 63, 64, 129] {
            for start in 0..PROCS {
                publish(id);
                assert!(any_shared(PROCS));
                assert!(steal_from(start, PROCS, P::steal).is_some(), "P {id} from {start}");
                assert!(steal_from(start, PROCS, P::steal).is_none(), "P {id} from {start}");
            }
        }
        assert!(
            SURPLUS.iter().all(|word| word.load(Ordering::Relaxed) == 0),
            "who found nothing has cleared the bit"
        );
        // Whose bit was lost is not found by it, but by who is about to sleep.
        publish(70);
        SURPLUS[1].store(0, Ordering::Relaxed);
        assert!(steal_from(5, PROCS, P::steal).is_none());
        assert!(any_shared(PROCS));
        assert!(steal_from(5, PROCS, P::steal).is_some());
        // The nearest after `start` comes first.
        publish(3);
        publish(100);
        assert!(steal_from(90, PROCS, P::steal).is_some());
        assert!(get(3).has_shared() && !get(100).has_shared());
        assert!(steal_from(4, PROCS, P::steal).is_some());
    }
}
