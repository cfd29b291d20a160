//! Starts the runtime, once: by `#[goroutine]` on main, or by the first operation of a plain thread.

use std::sync::Once;

use crate::dump;
use crate::gmp::{M, m, p};
use crate::migration::{self, Policy};
use crate::panics;
use crate::sched::{idle, run, spawn, stop, sysmon};
use crate::stack::{self, Class, overflow};
use crate::sys::altstack::AltStack;
use crate::sys::env::{self, options};
use crate::sys::throw::{self, fatal};
use crate::sys::{clock, cpu, membarrier, thread};

use core::fmt::Write;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

/// What `#[goroutine]` on main asks for. The environment wins over it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Config {
    pub(crate) gomaxprocs: Option<usize>,
    pub(crate) class: Option<Class>,
    pub(crate) policy: Policy,
}

static START: Once = Once::new();
/// Whether Ms must fence for themselves.
static FENCES: AtomicBool = AtomicBool::new(false);

/// Starts the runtime unless it runs already.
#[inline]
pub(crate) fn start() {
    if !START.is_completed() {
        start_with(Config::default());
    }
}

#[cold]
fn start_with(config: Config) {
    START.call_once(|| start_now(config));
}

fn start_now(config: Config) {
    let options = options();
    clock::tick_coarse();
    clock::calibrate();
    if let Some(class) = config.class
        && !stack::set_default_class(class)
    {
        fatal(format_args!("runtime: stack_size comes too late: a goroutine has been started already"));
    }
    if let Err(error) = stack::init(options.mprotect) {
        fatal(format_args!("runtime: cannot reserve memory for stacks: {error}"));
    }
    let fences = options.no_membarrier || !membarrier::register();
    FENCES.store(fences, Ordering::Relaxed); // read by threads that are made later, or that go through START
    throw::set_dump_hook(dump::all_goroutines);
    panics::install_hook();
    if let Err(error) = overflow::install(dump::stack_overflow) {
        fatal(format_args!("runtime: cannot install the handler for stack overflows: {error}"));
    }
    migration::start(if options.sticky { Policy::Sticky } else { config.policy });
    if let Some(n) = config.gomaxprocs
        && !(1..=env::MAX_PROCS).contains(&n)
    {
        let _ = writeln!(
            throw::Stderr,
            "goconc: bad option #[goroutine(gomaxprocs = {n})]: a whole number from 1 to {}",
            env::MAX_PROCS
        );
        throw::exit_crash();
    }
    match options.gomaxprocs.or(config.gomaxprocs) {
        Some(n) => {
            idle::set_gomaxprocs(n);
        }
        None => idle::set_default_gomaxprocs(default_procs()),
    }
    sysmon::start();
}

/// GOMAXPROCS where nobody has set it.
pub(crate) fn default_procs() -> usize {
    cpu::default_procs().min(env::MAX_PROCS)
}

/// An M for a new thread, which the caller has counted: one whose thread has ended, or a new one.
fn make_m() -> &'static M {
    if let Some(m) = idle::lock().without_thread.pop() {
        return m;
    }
    let limit = 10_000; // Go's default
    if m::count() >= limit {
        throw::write_all(format!("runtime: program exceeds {limit}-thread limit\n").as_bytes());
        fatal(format_args!("thread exhaustion"));
    }
    m::make(FENCES.load(Ordering::Relaxed)) // see `start_now`
}

/// What every M's thread does first. The alternate stack lives as long as the thread.
fn settle(m: &'static M) -> AltStack {
    m.tid.store(thread::tid(), Ordering::Relaxed); // sysmon may see 0 for a moment and then asks nothing
    // SAFETY: the M is new, or its last thread has ended with nobody at home.
    unsafe { m.set_thread(migration::Home::here()) };
    AltStack::install()
        .unwrap_or_else(|error| fatal(format_args!("runtime: no memory for a signal stack: {error}")))
}

/// The body of an M's thread. `p` is the P that it starts with.
fn m_thread(m: &'static M, p: &'static p::P) {
    let altstack = settle(m);
    idle::assign(m, p);
    m.run();
    stop::leave_m(m);
    drop(altstack);
}

/// Runs the main goroutine: the calling thread is the M that it is at home on.
///
/// # Safety
/// * `f` may borrow nothing that ends before the process does.
pub(crate) unsafe fn run_main(config: Config, f: impl FnOnce(), at: &'static Location<'static>) -> ! {
    start_with(config);
    idle::lock().threads += 1;
    let m = make_m();
    m.is_main.set(true);
    let _altstack = settle(m);
    stop::wait_for_p(m);
    // SAFETY: by contract.
    let main = unsafe { spawn::make_main(f, at) };
    m.execute(main);
    m.run();
    throw::throw("start: the main thread has left the scheduler")
}

/// Makes the thread of an M, which `adopt_orphan` has counted. Called by sysmon only, whose thread nobody has modified.
pub(crate) fn new_thread(p: &'static p::P, spinning: bool) {
    let m = make_m();
    m.spinning.set(spinning);
    let made = std::thread::Builder::new().name(format!("goconc-m{}", m.id)).spawn(move || m_thread(m, p));
    if let Err(error) = made {
        run::no_thread(&error);
    }
}
