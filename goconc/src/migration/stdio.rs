//! Whether the calling thread owns std's lock of stdout or stderr.
//!
//! Those two locks are re-entrant: they let their *thread* in again. A goroutine that parks holding one and
//! wakes on another thread would leave the first thread a door into a `RefCell` it is writing to. The guard
//! is `'static`, so it may sit in a `Box` where no scan of the stack finds it; therefore we ask the lock.
//! Its owner word is private to std: `probe` finds it by locking and comparing, and when it does not find
//! exactly one, or when the thread that starts the runtime owns a lock by then, the program stays sticky.
//!
//! Invariants: the words of std are read by us only atomically, and only where `probe` has seen an owner.
//!
//! Who may touch it: `migration`.

use std::fs::File;
use std::io::{self, Stderr, Stdout};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many words of a lock `probe` looks at; stdout's has 7 in std 1.95, stderr's 3.
const WORDS: usize = 8;

const _: () = assert!(size_of::<Stdout>() == size_of::<usize>());
const _: () = assert!(size_of::<Stderr>() == size_of::<usize>());

/// The owner words, once found: the number of the owning thread, or 0.
static OWNERS: OnceLock<Option<[&'static AtomicU64; 2]>> = OnceLock::new();

fn stdout_lock() -> *const u8 {
    let handle = io::stdout();
    // SAFETY: the handle has the size of a pointer (asserted above) and is one reference to a static lock.
    unsafe { std::mem::transmute_copy::<Stdout, *const u8>(&handle) }
}

fn stderr_lock() -> *const u8 {
    let handle = io::stderr();
    // SAFETY: the handle has the size of a pointer (asserted above) and is one reference to a static lock.
    unsafe { std::mem::transmute_copy::<Stderr, *const u8>(&handle) }
}

/// The addresses of std's stdout and stderr locks, for a scan where `probe` has failed.
#[must_use]
pub(crate) fn stdio_locks() -> [usize; 2] {
    static LOCKS: OnceLock<[usize; 2]> = OnceLock::new();
    *LOCKS.get_or_init(|| [stdout_lock().addr(), stderr_lock().addr()])
}

/// The number std gives the calling thread, or 0 when its text has changed.
pub(super) fn thread_number() -> u64 {
    let text = format!("{:?}", std::thread::current().id());
    text.strip_prefix("ThreadId(").and_then(|t| t.strip_suffix(')')).and_then(|t| t.parse().ok()).unwrap_or(0)
}

/// Finds the owner words by locking stdout, then stderr.
///
/// # Blocks the thread
/// While another thread holds one of them, as a `println!` would.
pub(super) fn probe() -> bool {
    OWNERS
        .get_or_init(|| {
            Some([
                find(stdout_lock(), &|| io::stdout().lock())?,
                find(stderr_lock(), &|| io::stderr().lock())?,
            ])
        })
        .is_some()
}

/// Whether `probe` has been here and knows the words.
pub(super) fn known() -> bool {
    matches!(OWNERS.get(), Some(Some(_)))
}

/// Whether the thread with this number owns stdout or stderr; exact on that thread, and on one that took over a
/// goroutine which owns it.
#[inline]
pub(super) fn owned_by(number: u64) -> bool {
    match OWNERS.get() {
        // Relaxed: only the thread itself stores its number, and what its goroutine did before it parked comes
        // to us with the goroutine.
        Some(Some(owners)) => owners.iter().any(|owner| owner.load(Relaxed) == number),
        _ => true,
    }
}

/// The one word of the lock that becomes our number when we take the lock, and stays it when we take it twice.
fn find<G>(lock: *const u8, acquire: &dyn Fn() -> G) -> Option<&'static AtomicU64> {
    // Another thread may change a word next to a short lock to our number meanwhile; not three times.
    let at = (0..3).find_map(|_| owner_at(lock, acquire))?;
    let owner = lock.wrapping_add(at * size_of::<u64>()).cast::<AtomicU64>();
    // SAFETY: std stored our number here when we took the lock: its owner word, which is atomic and in a static.
    Some(unsafe { &*owner })
}

/// `None` also when the caller owns the lock already: then it does not change.
fn owner_at<G>(lock: *const u8, acquire: &dyn Fn() -> G) -> Option<usize> {
    let number = thread_number();
    let before = words(lock)?;
    let _once = acquire();
    let once = words(lock)?;
    let _twice = acquire();
    let twice = words(lock)?;
    let ours = |i: &usize| before[*i] != number && once[*i] == number && twice[*i] == number;
    let mut hits = (0..WORDS).filter(ours);
    match (number, hits.next(), hits.next()) {
        (1.., Some(at), None) => Some(at),
        _ => None,
    }
}

/// A copy of the lock's first words, made by the kernel: the lock may be shorter, and a plain read of another
/// thread's data would be a race. Words beyond the end of the program's memory are zero: the lock may be the last thing there.
fn words(lock: *const u8) -> Option<[u64; WORDS]> {
    let mut bytes = [0; WORDS * size_of::<u64>()];
    File::open("/proc/self/mem").ok()?.read_at(&mut bytes, lock.addr() as u64).ok()?;
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_of_stdout_and_stderr() {
        // Also from a thread with a number other than the first ones.
        assert!(std::thread::spawn(probe).join().unwrap());
        let me = thread_number();
        assert!(me != 0 && !owned_by(me));
        let boxed: Box<dyn io::Write> = Box::new(io::stdout().lock());
        assert!(owned_by(me));
        std::thread::scope(|s| {
            s.spawn(|| assert!(!owned_by(thread_number())));
        });
        drop(boxed);
        assert!(!owned_by(me));
        let err = io::stderr().lock();
        assert!(owned_by(me));
        drop(err);
        assert!(!owned_by(me));
        assert_ne!(stdio_locks()[0], stdio_locks()[1]);
    }
}
