//! May a goroutine that has started go on on another OS thread?
//!
//! # The danger
//!
//! Moving a `Send` closure that has not started is always sound. A stack that has started may hold what the
//! compiler, std or a crate took for bound to its thread:
//!  1. an address of one of the thread's thread-locals: a borrow inside `LocalKey::with`, or a copy LLVM keeps
//!     in a register across the park, although no borrow is alive (it does, since Rust 1.89);
//!  2. a `!Send` value that shares memory with the thread, such as the `Rc` in `rand::rng()`, or with another
//!     goroutine of the thread, handed over through a thread-local;
//!  3. a permission that an `unsafe` somewhere granted to the thread: a re-entrant lock it owns, a pin of an
//!     epoch collector, a panic count.
//!
//! # Why moving is sound under `auto`
//!
//! Goroutines of one thread run one after the other, so sharing between them is a race only once one has left.
//! Closures and channels demand `Send`. What is left for them to share a `!Send` value, or an address, with
//! their thread or each other is a thread-local, and `proof` shows that the program has none but those in
//! `known`: every byte of the executable's TLS segment has a listed owner, and so has every TLS segment of a
//! loaded object. The keys of the listed ones are private to their crates, so user code has no borrow of them
//! (1) and gets no `!Send` value out of them (2) except a crossbeam-epoch `Guard`. For the rest of (1) the
//! stack is scanned before the move: all its registers are on it, and an address of its thread's blocks or
//! control block keeps it at home. For (3) the listed crates grant three permissions, and each is asked for: was
//! the thread panicking when the goroutine parked (the scheduler asks), was it pinned in crossbeam-epoch's
//! collector then (`binds`), does it own stdout or stderr (`may_move`). The answer is the thread's, not the
//! goroutine's: it may keep one at home for another's sake, but never lets one go that has the permission.
//! A library that is loaded later is judged before the next move (`recheck`), and one with an unlisted TLS
//! segment ends all moving; what moved before had not seen it.
//!
//! # The limits, honestly
//!
//!  - `unsafe` code that takes `ThreadId`, `gettid` or `pthread_self` for a proof that nobody else is in needs
//!    no thread-local. We look for the crates we know (`known::THREAD_BOUND`); another one goes unseen.
//!  - C code that keeps thread-specific data in keys imports `pthread_getspecific`, which we look for. C code
//!    with a home-made map from thread to data goes unseen. A goroutine should not park below C frames at all.
//!  - The symbol table is believed: a file edited after linking to hide a symbol whose neighbours still cover
//!    its bytes passes. A symbol-less static that fits into alignment padding (7 bytes) passes.
//!  - The reasons in `known` were read off std 1.95, parking_lot_core 0.10 and crossbeam-epoch 0.9. A new name
//!    makes a program sticky; a listed one whose use changed would not be noticed.
//!  - An address that LLVM stores in a form that is no address in the block (biased by more than the block, or
//!    as a 32-bit half) would escape the scan. We have not seen one.
//!  - Not memory safety, but surprises: `thread::park` tokens, `thread::current().id()`, errno, signal masks,
//!    `std::thread::scope` (its handle is the first thread's; it works since std's parker is a futex).
//!
//! # Reading order
//!
//! `known` (the list), `proof`, `elf` (the file), `objects` (the dynamic linker), `scan`, `stdio`.
//!
//! Who may touch it: the scheduler. The state below goes Off -> Waiting -> Moving -> Sticky or Waiting ->
//! Sticky under `auto`, and Off -> Sticky or Off -> Free at once under the other policies. It never goes back.

mod elf;
mod known;
mod objects;
mod proof;
mod scan;
mod stdio;

pub(crate) use known::harmless;

use objects::{TlsRanges, generation, thread_tls};
use proof::{Reason, Verdict, prove, prove_objects};
use scan::mentions;
use stdio::stdio_locks;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// How the runtime was asked to treat started goroutines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// They move once the proof has succeeded.
    #[default]
    Auto,
    /// They stay on the thread they started on.
    Sticky,
    /// They move; the program's author vouches for its thread-locals.
    Migrate,
}

/// Whether started goroutines move between threads, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// They move, as in Go.
    Moving,
    /// They stay on the thread they started on.
    Sticky {
        /// The reason, for people: one line, or one for each thread-local in the way.
        why: String,
    },
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Migration::Moving => f.write_str("moving"),
            Migration::Sticky { why } => write!(f, "sticky: {why}"),
        }
    }
}

/// No runtime yet.
const OFF: u8 = 0;
/// `auto`, and the proof is not there.
const WAITING: u8 = 1;
/// `auto`, and the proof holds for `GENERATION`.
const MOVING: u8 = 2;
/// For ever, because of `WHY`.
const STICKY: u8 = 3;
/// `migrate`.
const FREE: u8 = 4;

/// One of the five above; written by `start`, `run_proof` and `recheck_slow` only.
static STATE: AtomicU8 = AtomicU8::new(OFF);
/// The linker's generation the proof holds for. Written before `STATE` becomes `MOVING`, and by `recheck_slow`.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Why goroutines are sticky. Written once, before `STATE` becomes `STICKY`.
static WHY: OnceLock<String> = OnceLock::new();

/// Sets the policy. The first call counts; the process has one policy.
///
/// # Blocks the thread
/// While another thread holds std's lock of stdout or stderr, unless the policy is `Sticky`.
pub(crate) fn start(policy: Policy) {
    if STATE.load(Relaxed) != OFF {
        return; // Relaxed: a hint; the exchange below decides.
    }
    let to = match policy {
        Policy::Auto if !stdio::probe() => {
            let _ = WHY.set(Reason::Stdio.to_string());
            STICKY
        }
        Policy::Auto => WAITING,
        Policy::Sticky => {
            let _ = WHY.set("the program asked for it".to_owned());
            STICKY
        }
        Policy::Migrate => {
            let _ = stdio::probe();
            FREE
        }
    };
    // Release: publishes WHY and the probe to the Acquire in `state`. Relaxed on failure: nothing is read.
    let _ = STATE.compare_exchange(OFF, to, Release, Relaxed);
}

/// Makes the proof, if the policy asks for one. Takes some milliseconds; allocates; takes no lock of ours.
pub(crate) fn run_proof() {
    if state() != WAITING {
        return;
    }
    let before = generation();
    match prove() {
        Verdict::Clean => {
            // A library that comes in between differs from `before`, and the first `recheck` looks at it.
            GENERATION.store(before, Relaxed); // published by the exchange
            // AcqRel: Release publishes GENERATION to the Acquire in `state`; another prover may be first.
            let _ = STATE.compare_exchange(WAITING, MOVING, AcqRel, Relaxed);
        }
        verdict => stick(&verdict),
    }
}

/// Whether started goroutines may move at all, by what was known last. One load.
#[inline]
#[must_use]
pub(crate) fn moving() -> bool {
    matches!(state(), MOVING | FREE)
}

/// Whether a started goroutine may move now: `moving`, also in the light of libraries loaded since.
#[inline]
pub(crate) fn recheck() -> bool {
    match state() {
        FREE => true,
        // Relaxed: the Acquire in `state` made the first value visible. A thread that loaded a library and then
        // readied the goroutine we are about to move happened before us, so `generation` has its number.
        MOVING => GENERATION.load(Relaxed) == generation() || recheck_slow(),
        _ => false,
    }
}

/// Judges the loaded objects again. Two threads may do it at once and come to the same.
#[cold]
fn recheck_slow() -> bool {
    let now = generation();
    match prove_objects() {
        Verdict::Clean => {
            GENERATION.store(now, Relaxed); // a stale reader only asks again
            true
        }
        verdict => {
            stick(&verdict);
            false
        }
    }
}

/// What is in force, and why; looks at libraries loaded since, as a move would.
#[must_use]
pub(crate) fn describe() -> Migration {
    recheck();
    let why = match state() {
        MOVING | FREE => return Migration::Moving,
        STICKY => WHY.get().map_or("", String::as_str),
        WAITING => "the proof is not finished",
        _ => "no runtime has been started",
    };
    Migration::Sticky { why: why.to_owned() }
}

#[inline]
fn state() -> u8 {
    STATE.load(Acquire) // pairs with the Release in `start`, `run_proof` and `stick`
}

fn stick(verdict: &Verdict) {
    let _ = WHY.set(verdict.to_string());
    STATE.store(STICKY, Release); // publishes WHY to the Acquire in `state`
}

/// What is known of an M's thread, to decide which goroutines may leave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    tls: TlsRanges,
    /// std's number of the thread.
    number: u64,
}

impl Home {
    /// For the calling thread; an M asks once, when it starts.
    #[must_use]
    pub(crate) fn here() -> Home {
        Home { tls: thread_tls(), number: stdio::thread_number() }
    }
}

/// Whether what the calling thread holds binds the goroutine that is about to park on it; the goroutine keeps the
/// answer until it runs again. (Whether the thread is panicking is asked by the scheduler, in every policy.)
///
/// Not inlined: the address of epoch's thread-local must not stay in a register of the goroutine we look at.
#[inline(never)]
#[must_use]
pub(crate) fn binds() -> bool {
    binds_inlined()
}

/// As [`binds`], for a caller that is not inlined itself and returns before the goroutine parks.
#[inline(always)]
pub(crate) fn binds_inlined() -> bool {
    // Also before the proof is there: the goroutine may still be parked when it is.
    state() != STICKY && crossbeam_epoch::is_pinned()
}

/// Whether a parked goroutine may leave `home`, its thread. `words` is its stack, from the saved stack pointer to
/// the base. Called by whoever owns the goroutine, on any thread. That it is not panicking, pinned, locked or
/// bound when it parked is the caller's to ask.
#[must_use]
pub(crate) fn may_move(words: &[usize], home: &Home) -> bool {
    if !recheck() || home.tls.mentioned(words) {
        return false;
    }
    if stdio::known() {
        // If the goroutine owns one, it took it before it parked, which happened before our taking it; and until
        // it runs nobody else can let it go.
        return !stdio::owned_by(home.number);
    }
    // Only under `migrate`, where std's locks are not as we know them: the second best.
    !mentions(words, &TlsRanges::default(), &stdio_locks())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_waiting_to_moving() {
        assert!(!moving() && !recheck());
        assert_eq!(describe().to_string(), "sticky: no runtime has been started");
        start(Policy::Auto);
        assert!(!moving() && !recheck());
        start(Policy::Migrate);
        assert_eq!(describe().to_string(), "sticky: the proof is not finished");
        run_proof();
        assert_eq!(describe(), Migration::Moving, "{}", describe());
        assert!(moving() && recheck());
        // As if a library had been loaded since.
        GENERATION.store(0, Relaxed);
        assert!(recheck());
        assert_eq!(GENERATION.load(Relaxed), generation());
        what_is_tied_to_its_thread();
    }

    #[test]

    fn what_is_tied_to_its_thread() {
        let home = Home::here();
        let free = [0x10, 0x20];
        assert!(may_move(&free, &home) && !binds());
        // SAFETY: always returns the address of this thread's errno.
        assert!(!may_move(&[0, unsafe { libc::__errno_location() }.addr()], &home));
        let guard = crossbeam_epoch::pin();
        assert!(binds());
        drop(guard);
        let out = std::io::stderr().lock();
        let elsewhere = std::thread::spawn(move || (may_move(&free, &home), may_move(&free, &Home::here())));
        assert_eq!(elsewhere.join().unwrap(), (false, true));
        drop(out);
        assert!(may_move(&free, &home) && !binds());
    }
}
