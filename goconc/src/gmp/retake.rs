//! `Retake`: how sysmon takes the P from an M that computes or blocks for long, without a cost on the M's side.
//!
//! The M marks the stretches in which it uses its P (`in_rt`); everything else is user code, in which the P lies idle in
//! its hand. sysmon takes it only there:
//!
//! ```text
//!  M (every entry)                      sysmon
//!  in_rt = 1                            word = WANT
//!  compiler fence                       membarrier: a full fence on every thread
//!  word == NONE ?  go on                in_rt == 0 ?  WANT -> TAKING, move the P, TAKING -> TAKEN
//!                                       else          WANT -> NONE
//! ```
//!
//! Either sysmon sees `in_rt == 1` and lets go, or the M, at its next entry, sees a word that is not NONE and settles it:
//! it takes WANT back to NONE (and keeps the P), or waits out TAKING, and finds itself without a P at TAKEN.
//! Where the kernel has no membarrier the word carries FENCES, and the M fences at every entry.

use crate::sys::atomic::{AtomicU8, Ordering, fence};

const NONE: u8 = 0;
const WANT: u8 = 1;
const TAKING: u8 = 2;
const TAKEN: u8 = 3;
const FENCES: u8 = 0x80;

/// Whether the M still has its P.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Entered {
    /// Nothing has happened.
    Undisturbed,
    /// sysmon has taken the P.
    Retaken,
}

/// The two words of the hand-shake, one M's.
#[derive(Debug)]
pub(crate) struct Retake {
    in_rt: AtomicU8,
    word: AtomicU8,
}

impl Retake {
    /// For an M that starts in the runtime. `fences`: there is no membarrier.
    pub(crate) fn new(fences: bool) -> Self {
        Retake { in_rt: AtomicU8::new(1), word: AtomicU8::new(if fences { FENCES } else { NONE }) }
    }

    /// The M enters the runtime: from here to [`exit`](Self::exit) nobody takes its P.
    #[inline(always)]
    pub(crate) fn enter(&self) -> Entered {
        if self.enter_quickly() { Entered::Undisturbed } else { self.enter_slow() }
    }

    /// As [`enter`](Self::enter), for who calls that soon: false, and nothing is settled, if the P may be gone.
    #[inline(always)]
    pub(crate) fn enter_quickly(&self) -> bool {
        self.in_rt.store(1, Ordering::Relaxed); // made visible by sysmon's membarrier, see the head of this file
        #[cfg(not(loom))]
        core::sync::atomic::compiler_fence(Ordering::SeqCst); // StoreLoad against `want` and `settle`, the cheap half
        #[cfg(loom)]
        fence(Ordering::SeqCst); // loom knows no membarrier: both sides fence
        self.word.load(Ordering::Acquire) == NONE // pairs with the Release in `give_back`
    }

    #[cold]
    fn enter_slow(&self) -> Entered {
        fence(Ordering::SeqCst); // StoreLoad against `want` and `settle` where there is no membarrier
        loop {
            // Acquire: pairs with the Release of TAKEN in `finish`: what sysmon did with our P is visible.
            let word = self.word.load(Ordering::Acquire);
            let fences = word & FENCES;
            match word & !FENCES {
                NONE => return Entered::Undisturbed,
                WANT => {
                    // Relaxed: we keep what we had; nothing was handed over.
                    let _ =
                        self.word.compare_exchange(word, NONE | fences, Ordering::Relaxed, Ordering::Relaxed);
                }
                TAKING => crate::sys::thread_yield(),
                _ => {
                    self.word.store(NONE | fences, Ordering::Relaxed); // sysmon is done with us after TAKEN
                    return Entered::Retaken;
                }
            }
        }
    }

    /// The M goes to user code.
    #[inline(always)]
    pub(crate) fn exit(&self) {
        self.in_rt.store(0, Ordering::Release); // pairs with the Acquire in `settle`: our use of the P is over
    }

    /// Whether the M is in user code right now, as far as one look can tell.
    pub(crate) fn in_user_code(&self) -> bool {
        self.in_rt.load(Ordering::Relaxed) == 0 // a hint for sysmon; `settle` decides
    }

    /// sysmon is about to take the P: the first half of [`attempt`](Self::attempt). Several Ms can be asked before one
    /// [`everywhere`] for all of them: it interrupts every CPU on which the process runs.
    pub(crate) fn want(&self) -> Option<Wanted<'_>> {
        let word = self.word.load(Ordering::Relaxed);
        let fences = word & FENCES;
        if word & !FENCES != NONE {
            return None; // the M has not been back since the last time
        }
        // Only sysmon leaves NONE, and there is one sysmon: a plain store would do but for FENCES readers.
        self.word.store(WANT | fences, Ordering::Relaxed);
        Some(Wanted(self))
    }

    /// sysmon tries to take the P. On success the M cannot touch it until [`finish`](Taking::finish).
    pub(crate) fn attempt(&self) -> Option<Taking<'_>> {
        let wanted = self.want()?;
        wanted.settle(&everywhere())
    }
}

/// Every thread of the process has passed a full fence since this was asked for.
#[derive(Debug)]
pub(crate) struct Fenced(());

/// Makes it so.
pub(crate) fn everywhere() -> Fenced {
    #[cfg(not(loom))]
    crate::sys::membarrier::everywhere();
    #[cfg(loom)]
    fence(Ordering::SeqCst);
    Fenced(())
}

/// The M was told that sysmon wants its P.
#[derive(Debug)]
#[must_use]
pub(crate) struct Wanted<'a>(&'a Retake);

impl<'a> Wanted<'a> {
    /// The second half: takes the P, if the M is in user code. The fence must have come after [`Retake::want`].
    pub(crate) fn settle(self, _: &Fenced) -> Option<Taking<'a>> {
        let Retake { in_rt, word } = self.0;
        let fences = word.load(Ordering::Relaxed) & FENCES; // constant
        // Acquire: pairs with the Release in `exit`.
        let next = if in_rt.load(Ordering::Acquire) == 0 { TAKING } else { NONE };
        // Failure: the M came in meanwhile and took WANT back. AcqRel is not needed, `in_rt` carried the order.
        let settled =
            word.compare_exchange(WANT | fences, next | fences, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        (settled && next == TAKING).then_some(Taking(self.0))
    }
}

/// sysmon has the P; the M waits at its next entry, if it comes to one.
#[derive(Debug)]
#[must_use]
pub(crate) struct Taking<'a>(&'a Retake);

impl Taking<'_> {
    /// Lets the M go on as if nothing had happened: the P stays with it.
    pub(crate) fn give_back(self) {
        let fences = self.0.word.load(Ordering::Relaxed) & FENCES; // constant
        self.0.word.store(NONE | fences, Ordering::Release); // pairs with the Acquire in `enter` and `enter_slow`
    }

    /// Lets the M go on, without its P.
    pub(crate) fn finish(self) {
        let fences = self.0.word.load(Ordering::Relaxed) & FENCES; // constant
        self.0.word.store(TAKEN | fences, Ordering::Release); // pairs with the Acquire in `enter_slow`
    }
}
