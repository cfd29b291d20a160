//! Go's package `runtime`: what the scheduler does and says.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::gmp::{M, WaitReason, g, m, p, record};
use crate::sched::blocking::{self, Job};
use crate::sched::counts::Counts;
use crate::sched::{self, dead, idle, park, spawn, start};
use crate::stack;
use crate::sys::{cpu, env};
use crate::wait::group::Group;

pub use crate::local::LocalKey;
pub use crate::migration::Migration;

/// Sets how many goroutines may run at the same time, and returns what it was. `n < 1` only asks.
///
/// Go: `runtime.GOMAXPROCS(n)`. The default is what the environment variable `GOMAXPROCS` says, else the number of CPUs
/// that affinity and cgroup quota allow. It takes effect within about 10 ms.
///
/// # Panics
/// `n` is more than 1024.
///
/// # Examples
/// ```
/// use goconc::runtime;
///
/// let before = runtime::gomaxprocs(1);
/// assert_eq!(runtime::gomaxprocs(-1), 1); // only asks
/// runtime::gomaxprocs(before);
/// ```
#[track_caller]
pub fn gomaxprocs(n: impl Procs) -> usize {
    start::start();
    match n.procs() {
        Some(n) if n > env::MAX_PROCS => panic!("gomaxprocs: {n} is more than {}", env::MAX_PROCS),
        Some(n) => idle::set_gomaxprocs(n),
        None => sched::gomaxprocs(),
    }
}

/// A number for [`gomaxprocs`]: any of the common integer types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number of processors",
    label = "must be an integer"
)]
pub trait Procs {
    /// The number, if it is 1 or more.
    fn procs(self) -> Option<usize>;
}

macro_rules! procs {
    ($($t:ty),*) => {
        $(impl Procs for $t {
            fn procs(self) -> Option<usize> {
                // What does not fit into a usize is too much, or too little, in any case.
                if self < 1 { None } else { Some(usize::try_from(self).unwrap_or(usize::MAX)) }
            }
        })*
    };
}
procs!(i32, i64, isize, u32, u64, usize);

/// Has GOMAXPROCS follow the CPUs again that affinity and cgroup quota allow, as it does until somebody sets it. It is
/// looked at once a second.
///
/// Go: `runtime.SetDefaultGOMAXPROCS()`
///
/// # Examples
/// ```
/// use goconc::runtime;
///
/// let before = runtime::gomaxprocs(1);
/// runtime::set_default_gomaxprocs();
/// assert!(runtime::gomaxprocs(0) >= 1);
/// runtime::gomaxprocs(before);
/// ```
pub fn set_default_gomaxprocs() {
    start::start();
    idle::set_default_gomaxprocs(start::default_procs());
}

/// The number of CPUs that this process may use, as of its start.
///
/// Go: `runtime.NumCPU()`
pub fn num_cpu() -> usize {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(cpu::affinity)
}

/// How many goroutines there are, started or about to start.
///
/// Go: `runtime.NumGoroutine()`
pub fn num_goroutine() -> usize {
    spawn::live()
}

/// Lets other goroutines run. A plain thread yields to other threads.
///
/// Go: `runtime.Gosched()`
///
/// # Examples
/// ```
/// goconc::run(|| goconc::runtime::gosched());
/// ```
#[inline(always)]
pub fn gosched() {
    park::gosched();
}

/// Ends the calling goroutine: its destructors and deferred calls run, nothing is reported. From the main goroutine: the
/// others go on.
///
/// Go: `runtime.Goexit()`. It unwinds: code that catches the unwinding is unwound again at its next operation that waits.
///
/// # Panics
/// On a plain thread, which has no goroutine to end.
///
/// # Examples
/// ```
/// let ch = goconc::Chan::<i32>::new();
/// goconc::go!([ch] {
///     struct CloseOnDrop(goconc::Chan<i32>);
///     impl Drop for CloseOnDrop {
///         fn drop(&mut self) {
///             self.0.close();
///         }
///     }
///     let _guard = CloseOnDrop(ch);
///     goconc::runtime::goexit();
/// });
/// assert_eq!(ch.recv(), None);
/// ```
pub fn goexit() -> ! {
    match g::current() {
        Some(g) => {
            if g.id.load(Ordering::Relaxed) == record::MAIN_ID {
                dead::MAIN_GOEXITED.store(true, Ordering::Relaxed); // read once main has ended
            }
            park::goexit(g)
        }
        None => panic!("runtime::goexit called outside of a goroutine"),
    }
}

/// Ties the calling goroutine to its thread until as many [`unlock_os_thread`]: it runs on no other thread, and the thread
/// starts no other goroutine. Goroutines that started on the thread earlier may still go on there. One that ends while
/// locked leaves a thread that starts no goroutine any more.
///
/// Go: `runtime.LockOSThread()`. On a plain thread it does nothing.
///
/// # Examples
/// ```
/// goconc::run(|| {
///     goconc::runtime::lock_os_thread();
///     let before = std::thread::current().id();
///     goconc::runtime::gosched();
///     assert_eq!(std::thread::current().id(), before);
///     goconc::runtime::unlock_os_thread();
/// });
/// ```
pub fn lock_os_thread() {
    if let Some(g) = g::current() {
        park::lock_thread(g);
    }
}

/// Undoes one [`lock_os_thread`]; without one it does nothing.
///
/// Go: `runtime.UnlockOSThread()`
pub fn unlock_os_thread() {
    if let Some(g) = g::current() {
        park::unlock_thread(g);
    }
}

/// Runs `f`, which may block its thread, on a helper thread while the calling goroutine is parked. `f` may borrow.
///
/// Calls that block without it do no harm for long (the scheduler notices and goes on elsewhere), but goroutines that are
/// at home on the blocked thread wait for it.
///
/// # Parks
/// Until `f` has returned. A plain thread just calls `f`.
///
/// # Panics
/// With the panic of `f`.
///
/// # Examples
/// ```
/// let text = String::from("hello");
/// let n = goconc::run(move || goconc::runtime::blocking(|| text.len()));
/// assert_eq!(n, 5);
/// ```
#[track_caller]
pub fn blocking<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    if g::current().is_none() {
        return f();
    }
    let running = Group::new();
    running.add(1);
    let mut result = None;
    {
        let (result, running) = (&mut result, &running);
        let job = move || {
            *result = Some(catch_unwind(AssertUnwindSafe(f)));
            running.add(-1);
        };
        // SAFETY: we wait below until the job has run, and parking does not unwind before it was woken.
        blocking::submit(unsafe { Job::new(Box::new(job)) });
    }
    running.wait_as(WaitReason::Blocking, Location::caller());
    match result {
        Some(Ok(value)) => value,
        Some(Err(payload)) => crate::panics::throw_value(payload),
        None => crate::sys::throw::throw("blocking: a job has ended without a result"),
    }
}

/// The number of the calling goroutine, for logs; `None` on a plain thread. Numbers are not reused. Main has number 1.
///
/// # Examples
/// ```
/// assert_eq!(goconc::runtime::goroutine_id(), None);
/// assert!(goconc::run(|| goconc::runtime::goroutine_id()).is_some());
/// ```
pub fn goroutine_id() -> Option<u64> {
    g::current().map(|g| g.id.load(Ordering::Relaxed)) // our own
}

/// All goroutines: state, where they wait, where they were started.
///
/// Go: `runtime.Stack(buf, true)`. SIGQUIT prints the same and ends the process.
///
/// # Examples
/// ```
/// let dump = goconc::run(|| goconc::runtime::stack_dump());
/// assert!(dump.contains("goroutine "));
/// ```
pub fn stack_dump() -> String {
    let mut out = String::new();
    crate::dump::all_goroutines(&mut out);
    out
}

/// Runs `f` while the calling goroutine stays on its thread.
///
/// For code that holds something of its thread across an operation that waits. On a plain thread it just calls `f`.
///
/// # Examples
/// ```
/// goconc::run(|| {
///     goconc::runtime::pin(|| {
///         let before = std::thread::current().id();
///         goconc::runtime::gosched();
///         assert_eq!(std::thread::current().id(), before);
///     });
/// });
/// ```
pub fn pin<T>(f: impl FnOnce() -> T) -> T {
    struct Unpin(&'static crate::gmp::G);
    impl Drop for Unpin {
        fn drop(&mut self) {
            self.0.pinned.set(self.0.pinned.get() - 1);
        }
    }
    let _unpin = g::current().map(|g| {
        g.pinned.set(g.pinned.get() + 1);
        Unpin(g)
    });
    f()
}

/// Whether started goroutines move between threads, and if not, why.
///
/// # Examples
/// ```
/// println!("{}", goconc::runtime::migration());
/// ```
pub fn migration() -> Migration {
    start::start();
    crate::migration::describe()
}

/// Figures on the scheduler, as of one moment, each for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Goroutines, started or about to start.
    pub goroutines: usize,
    /// How many may run at the same time.
    pub gomaxprocs: usize,
    /// Of these, how many have nothing to do.
    pub idle_procs: usize,
    /// Threads that run goroutines, or wait for some.
    pub threads: usize,
    /// Threads that look for work.
    pub spinning_threads: usize,
    /// Threads that have something to run and wait for their turn.
    pub waiting_threads: usize,
    /// Stacks ever made; goroutines that end, or nap, leave theirs for the next.
    pub stacks: usize,
    /// Naps: goroutines that began with a sleep, and had no stack meanwhile.
    pub naps: u64,
    /// How overflows are caught: the kind of guard pages in use.
    pub guards: String,

    /// For each thread, in the order in which they were made: how many goroutines are at home on it. Those that have not
    /// begun, or nap, are at home nowhere.
    pub at_home: Vec<usize>,
    /// Wake-ups of goroutines by another thread than their own, or by a plain one, that went to the thread they are at home on.
    pub mailed: u64,
    /// Wake-ups of goroutines by another thread than their own, that took them over.
    pub drawn: u64,
    /// Moves of goroutines that had begun to another thread, for whatever reason.
    pub moved: u64,
    /// Wake-ups of threads that had nothing to do, or waited for their turn.
    pub thread_wakes: u64,
    /// Surplus that threads have offered to others, in pieces of one goroutine or more.
    pub published: u64,
    /// Pieces of it that others took.
    pub steals: u64,
    /// Looks at all others that found nothing to take.
    pub vain_steals: u64,
    /// Pieces put into the queue of all threads: by plain threads, and when a thread lost what it had to run.
    pub global_puts: u64,
    /// Pieces taken from it.
    pub global_takes: u64,
    /// How often a thread with nothing to do went on looking for some microseconds.
    pub spins: u64,
    /// How often that was for nothing.
    pub vain_spins: u64,
    /// How often a thread lost its turn because it computed for long, or was blocked.
    pub retaken: u64,
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "goroutines={} gomaxprocs={} idleprocs={} threads={} spinningthreads={} waitingthreads={} stacks={} naps={} guards={} \
             athome={:?} mailed={} drawn={} moved={} threadwakes={} published={} steals={} vainsteals={} \
             globalputs={} globaltakes={} spins={} vainspins={} retaken={}",
            self.goroutines,
            self.gomaxprocs,
            self.idle_procs,
            self.threads,
            self.spinning_threads,
            self.waiting_threads,
            self.stacks,
            self.naps,
            self.guards,
            self.at_home,
            self.mailed,
            self.drawn,
            self.moved,
            self.thread_wakes,
            self.published,
            self.steals,
            self.vain_steals,
            self.global_puts,
            self.global_takes,
            self.spins,
            self.vain_spins,
            self.retaken,
        )
    }
}

/// Figures on the scheduler. What counts events has counted since the start of the process.
///
/// # Examples
/// ```
/// use goconc::{Chan, go, runtime};
///
/// let ch = Chan::new();
/// go!([ch] {
///     for i in 0..1000 {
///         ch.send(i);
///     }
///     ch.close();
/// });
/// assert_eq!(ch.iter().count(), 1000); // this thread is a plain one: its wake-ups go through mail or the global queue
///
/// let metrics = runtime::metrics();
/// assert!(metrics.gomaxprocs >= 1);
/// assert_eq!(metrics.at_home.len(), metrics.threads);
/// println!("{metrics}");
/// println!("{:.3} wake-ups of threads per message", metrics.thread_wakes as f64 / 1000.0);
/// ```
pub fn metrics() -> Metrics {
    start::start();
    let counts = Counts::glance();
    let stats = stack::stats();
    let mut ms = Vec::new();
    m::for_each(|m| ms.push(m));
    let all = |of: fn(&M) -> &AtomicU64| ms.iter().map(|m| of(m).load(Ordering::Relaxed)).sum::<u64>(); // statistics
    let global_takes = all(|m| &m.tally.global_takes);
    Metrics {
        goroutines: spawn::live(),
        gomaxprocs: sched::gomaxprocs(),
        idle_procs: usize::try_from(counts.idle()).unwrap_or(0),
        threads: ms.len(),
        spinning_threads: usize::try_from(counts.spinning()).unwrap_or(0),
        waiting_threads: usize::try_from(counts.need_p()).unwrap_or(0),
        stacks: stats.handed.iter().sum(),
        naps: all(|m| &m.naps),
        guards: stats.mode.map_or_else(String::new, |mode| mode.to_string()),
        at_home: ms.iter().map(|m| usize::try_from(m.at_home()).unwrap_or(usize::MAX)).collect(),
        mailed: all(|m| &m.tally.mail),
        drawn: all(|m| &m.tally.drawn),
        moved: all(|m| &m.moved_in),
        thread_wakes: all(|m| &m.tally.woken),
        published: p::all().map(|p| p.published.load(Ordering::Relaxed)).sum(), // statistics
        steals: all(|m| &m.tally.steals),
        vain_steals: all(|m| &m.tally.vain_steals),
        global_puts: global_takes + sched::global_len() as u64,
        global_takes,
        spins: all(|m| &m.tally.spins),
        vain_spins: all(|m| &m.tally.vain_spins),
        retaken: all(|m| &m.tally.retaken),
    }
}
