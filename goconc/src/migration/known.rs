//! The thread-locals a program may have and still let its started goroutines move, each with the reason.
//!
//! This is the trusted part of the proof: a line is added only with an argument that holds for every safe
//! program, and never to make a program move. Three facts the reasons lean on, all true under the runtime:
//!  - addresses of a thread's block (a borrow, or one LLVM keeps in a register) are found by `scan::mentions`;
//!  - a goroutine that is panicking, that parked while its thread owns stdout or stderr, or while its thread
//!    is pinned in crossbeam-epoch's default collector, does not move;
//!  - std blocks the *thread* in its own waits, so a goroutine cannot change threads inside std unless std
//!    calls user code (a `Display` impl, a lazy initialiser, a destructor).
//!
//! Left out on purpose:
//!  - parking_lot's `RawThreadId::nonzero_thread_id::KEY`: a `ReentrantMutex` guard held across a park lets a
//!    second goroutine of the thread in; once the first one moves, both share a `!Sync` value across threads;
//!  - crossbeam-utils' `ShardedLock` registration, rand's `THREAD_RNG_KEY` (an `Rc` shared with the thread),
//!    tokio's, rayon's and tracing's contexts;
//!  - libstdc++: its exception globals and `std::call_once` slots are live in frames that may call back to us;
//!  - glibc linked statically: its symbols have names as plain as `current`, which any C file may use as well.
//!
//! Who may touch it: the author of the reason; `proof` is the only reader.

/// One thread-local that does no harm.
#[derive(Debug)]
pub(super) struct Known {
    /// The demangled path of the static, without the tail that `thread_local!` appends.
    pub(super) path: &'static str,
    /// How often it may occur. Two copies of a crate have the same path, and we can ask only our own copy.
    pub(super) once: bool,
    /// Why a goroutine that moves does not mind it, or is not moved when it would.
    pub(super) why: &'static str,
}

const fn known(path: &'static str, why: &'static str) -> Known {
    Known { path, once: false, why }
}

/// All nine of std 1.95 (as `readelf` shows them in libstd), then those of the crates goconc is built on.
pub(super) const THREAD_LOCALS: &[Known] = &[
    known(
        "std::sys::thread_local::destructors::list::DTORS",
        "touched only where a thread-local is first used and at thread exit; it lists the thread's own \
         thread-locals, and no goroutine runs in either place",
    ),
    known(
        "std::io::stdio::OUTPUT_CAPTURE",
        "an Option<Arc<Mutex<..>>> taken out and put back around one print; a Display impl that parks in \
         between leaves the cell's address on its stack, and the scan keeps that goroutine at home",
    ),
    known(
        "std::panicking::panic_count::LOCAL_PANIC_COUNT",
        "a counter that differs from 0 only while its thread panics, and a goroutine that parks while \
         panicking is not moved",
    ),
    known(
        "std::thread::current::CURRENT",
        "holds an Arc of the thread's handle; what leaves it is a Send + Sync clone",
    ),
    known(
        "std::thread::current::id::ID",
        "a number; inside std only the reentrant locks of stdout and stderr trust it across user code, and a \
         goroutine that parks while its thread owns one of them is not moved",
    ),
    known(
        "std::thread::spawnhook::SPAWN_HOOKS",
        "an Arc list, always empty on stable; cloned when a thread is spawned, with no user code in between",
    ),
    known(
        "std::hash::random::RandomState::new::KEYS",
        "two numbers copied out and one counted up, with no call in between; HashMap::new() inlines it, and an \
         address that stays in a register is found by the scan",
    ),
    known(
        "std::sync::mpmc::context::Context::with::CONTEXT",
        "an Arc taken out for one blocking operation of std's channels and put back after it; the operation \
         blocks the thread, not the goroutine, and calls no user code",
    ),
    known(
        "std::sync::mpmc::waker::current_thread_id::DUMMY",
        "only its address is used, as a thread number, and only inside one operation of std's channels that \
         cannot park the goroutine",
    ),
    known(
        "parking_lot_core::parking_lot::with_thread_data::THREAD_DATA",
        "queued while the thread sleeps for a lock, which blocks the thread; locks remember no owner, so a \
         guard may be dropped on another thread",
    ),
    known(
        "parking_lot_core::word_lock::with_thread_data::THREAD_DATA",
        "the same, for the lock inside a bucket of the parking lot",
    ),
    known(
        "parking_lot_core::word_lock::WordLock::lock_slow::with_thread_data::THREAD_DATA",
        "the same, where the function is nested in a method",
    ),
    Known {
        path: "crossbeam_epoch::default::HANDLE",
        once: true,
        why: "the thread's participant; a Guard points to it without a lock, so a goroutine that parks while \
              its thread is pinned is not moved, and without a Guard nothing of it is on a stack",
    },
];

/// Our own: a word of which nobody has the address (`arch`), and one for plain threads only (`local`).
pub(super) const OWN_PREFIX: &str = "goconc::";

/// A shared object that may have a TLS segment, or use thread-specific data.
#[derive(Debug)]
pub(super) struct KnownObject {
    /// How its file name begins, up to and with the character before the version.
    pub(super) prefix: &'static str,
    /// Why its thread-locals do no harm.
    pub(super) why: &'static str,
}

const LIBC: &str = "errno, locale, resolver state and the allocator's cache: libc reads them inside one call and \
                    never parks in it; an address of errno that was inlined is found by the scan";
const NSS: &str = "C code behind getaddrinfo and getpwnam that never calls back into the program";

/// libc in its parts, the C runtime, and what libc loads by itself.
pub(super) const OBJECTS: &[KnownObject] = &[
    KnownObject { prefix: "libc.so.", why: LIBC },
    KnownObject { prefix: "libc.musl-", why: LIBC },
    KnownObject { prefix: "ld-linux", why: LIBC },
    KnownObject { prefix: "ld-musl-", why: LIBC },
    KnownObject { prefix: "libm.so.", why: LIBC },
    KnownObject { prefix: "libpthread.so.", why: LIBC },
    KnownObject { prefix: "libdl.so.", why: LIBC },
    KnownObject { prefix: "librt.so.", why: LIBC },
    KnownObject { prefix: "libutil.so.", why: LIBC },
    KnownObject { prefix: "libresolv.so.", why: LIBC },
    KnownObject { prefix: "libnss_", why: NSS },
    KnownObject {
        prefix: "libgcc_s.so.",
        why: "the unwinder; it keeps its context on the stack and runs only while a goroutine panics",
    },
    KnownObject { prefix: "linux-vdso.so.", why: "the kernel's clock, no data" },
    KnownObject { prefix: "linux-gate.so.", why: "the kernel's clock, no data" },
];

/// The whole list with its reasons, for people.
pub(crate) fn harmless() -> impl Iterator<Item = (&'static str, &'static str)> {
    let locals = THREAD_LOCALS.iter().map(|known| (known.path, known.why));
    locals.chain(OBJECTS.iter().map(|known| (known.prefix, known.why)))
}

/// Functions that hand out thread-bound memory without a TLS symbol; std imports none of them.
pub(super) const THREAD_SPECIFIC: &[&str] = &["pthread_getspecific", "tss_get", "__emutls_get_address"];

/// Crates whose `unsafe` takes an equal `ThreadId` for the proof that no other thread is in, as mangled names
/// spell them. `SendWrapper<Rc<_>>` shares an `Rc` between two goroutines of one thread.
pub(super) const THREAD_BOUND: &[(&str, &str)] =
    &[("12send_wrapper", "send_wrapper"), ("7fragile", "fragile"), ("4pyo3", "pyo3")];
