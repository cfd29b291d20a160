//! Telling the overflow of a goroutine's stack from other faults.
//!
//! ```text
//!   SIGSEGV, SIGBUS --> on_fault --- in the guard of a slot? ---> report(&Overflow), never returns
//!                                `-- else ---> what was installed before (std's own handler, or the program's)
//! ```
//!
//! The handler runs on the alternate stack of the thread ([`crate::sys::altstack`]); a thread that overflows
//! without one is killed by the kernel. All of it is async-signal-safe: no lock, no allocation, `OnceLock::get` is
//! one load.
//!
//! Invariant: `REPORT` and `PREVIOUS` are filled before the handler is installed, and never change afterwards.

use core::ffi::c_void;
use core::mem::{self, MaybeUninit};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::sync::OnceLock;

use crate::stack::arena::{self, Slot};
use crate::stack::{Class, header_of};

/// A stack overflow: somebody touched the guard of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow {
    /// The header of the slot.
    pub(crate) header: NonNull<u8>,
    /// The address that was touched.
    pub(crate) fault_addr: usize,
    /// The class of the slot.
    pub(crate) class: Class,
}

impl Overflow {
    /// The overflow that a fault at `fault_addr` means, if it lies in the guard of a slot that was handed out.
    fn at(fault_addr: usize) -> Option<Overflow> {
        let slot = Slot::containing(fault_addr)?;
        let in_guard = fault_addr < slot.guard_end() && arena::is_handed_out(slot);
        if in_guard {
            Some(Overflow { header: header_of(fault_addr)?, fault_addr, class: slot.class() })
        } else {
            None
        }
    }
}

/// What prints an overflow and ends the process.
type Report = fn(&Overflow) -> !;

const SIGNALS: [i32; 2] = [libc::SIGSEGV, libc::SIGBUS];

static REPORT: OnceLock<Report> = OnceLock::new();

/// What was installed before us, in the order of `SIGNALS`.
static PREVIOUS: [Previous; SIGNALS.len()] = [Previous::new(), Previous::new()];

/// The action of a signal before ours.
struct Previous {
    action: OnceLock<libc::sigaction>,
    /// Whether an action with `SA_RESETHAND` has had its one call.
    used_up: AtomicBool,
}

impl Previous {
    const fn new() -> Previous {
        Previous { action: OnceLock::new(), used_up: AtomicBool::new(false) }
    }

    fn of(signal: i32) -> Option<&'static Previous> {
        SIGNALS.iter().position(|&s| s == signal).map(|index| &PREVIOUS[index])
    }
}

/// Installs the handlers of SIGSEGV and SIGBUS. Once per process: later calls have no effect. Call it after std has
/// installed its own, that is, at any time after the start of `main`.
///
/// `report` is called on the alternate signal stack of the thread that overflowed, with the signal blocked. It must
/// be async-signal-safe: no locks, no allocation, no std I/O; `write(2)` and `_exit` are fine.
pub(crate) fn install(report: fn(&Overflow) -> !) -> io::Result<()> {
    if REPORT.set(report).is_err() {
        return Ok(());
    }
    for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
        // Asked for before ours goes in: a fault on another thread may need it at once.
        let old = sigaction(signal, None)?;
        let mut ours = previous.action.get_or_init(|| old).to_owned();
        ours.sa_sigaction = on_fault as *const () as usize;
        // `sa_mask` stays that of the previous action, and so does whether system calls go on after the signal.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (old.sa_flags & libc::SA_RESTART);
        sigaction(signal, Some(&ours))?;
    }
    Ok(())
}

/// Makes `new`, if any, the action of `signal` and returns the one before.
fn sigaction(signal: i32, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let new = new.map_or(ptr::null(), ptr::from_ref);
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `new` is null or a live action: one that was in force before, the default, or ours, which may run at
    // any time; `old` has room for the answer.
    if unsafe { libc::sigaction(signal, new, old.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeros are a valid action, and the call has filled it.
    Ok(unsafe { old.assume_init() })
}

/// The handler.
extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a live siginfo to a handler with SA_SIGINFO.
    let details = unsafe { &*info };
    let by_kernel = details.si_code > 0; // else somebody sent it, and there is no address
    if by_kernel {
        // SAFETY: the kernel fills the address of these two signals.
        let fault_addr = unsafe { details.si_addr() }.addr();
        if let (Some(overflow), Some(report)) = (Overflow::at(fault_addr), REPORT.get()) {
            report(&overflow);
        }
    }
    chain(signal, by_kernel, info, context);
}

/// Does what would have happened without us.
fn chain(signal: i32, by_kernel: bool, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some((previous, action)) = Previous::of(signal).and_then(|p| Some((p, p.action.get()?))) else {
        return fall_back(signal, by_kernel);
    };
    let once = action.sa_flags & libc::SA_RESETHAND != 0;
    // Relaxed: which of two threads gets the only call does not matter, nothing else is shared.
    let used_up = once && previous.used_up.swap(true, Ordering::Relaxed);
    match action.sa_sigaction {
        // A fault is never ignored: the kernel kills the process in spite of SIG_IGN.
        libc::SIG_IGN if !by_kernel => {}
        libc::SIG_IGN | libc::SIG_DFL => fall_back(signal, by_kernel),
        _ if used_up => fall_back(signal, by_kernel),
        _ => call(action, signal, info, context),
    }
}

/// The default action: the process dies of the signal. A fault happens again when the handler returns, now without
/// us; a signal that was sent has to be sent again, and is delivered when the handler returns.
fn fall_back(signal: i32, by_kernel: bool) {
    // SAFETY: zeros are a valid action: SIG_DFL, no flags, an empty mask.
    let default: libc::sigaction = unsafe { mem::zeroed() };
    let _ = sigaction(signal, Some(&default));
    if !by_kernel {
        // SAFETY: takes a number; the signal is blocked until we return.
        unsafe { libc::raise(signal) };
    }
}

/// Calls the previous handler. Its `sa_mask` is in force already, since ours is the same; `SA_NODEFER` is honoured
/// here. It runs on the alternate stack even if it did not ask for that: the other one may be a goroutine's, and
/// small.
fn call(action: &libc::sigaction, signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    if action.sa_flags & libc::SA_NODEFER != 0 {
        unblock(signal);
    }
    let handler = ptr::with_exposed_provenance::<()>(action.sa_sigaction);
    if action.sa_flags & libc::SA_SIGINFO != 0 {
        type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);
        // SAFETY: neither SIG_DFL nor SIG_IGN, so it is a function, of this type by its SA_SIGINFO.
        let handler = unsafe { mem::transmute::<*const (), Handler>(handler) };
        handler(signal, info, context);
    } else {
        // SAFETY: as above, of this type without SA_SIGINFO.
        let handler = unsafe { mem::transmute::<*const (), extern "C" fn(i32)>(handler) };
        handler(signal);
    }
    // The return from `on_fault` restores the mask of the interrupted code.
}

fn unblock(signal: i32) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above.
    unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    // SAFETY: as above; a null third argument is allowed.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{child, init, take};
    use crate::sys::altstack::AltStack;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Output;

    const REPORTED: i32 = 42;
    const CHAINED: i32 = 43;

    fn exit(status: i32) -> ! {
        // SAFETY: takes a number and does not return.
        unsafe { libc::_exit(status) }
    }

    /// Exits with `REPORTED` if the report is right: the first word of the header is its address.
    fn report(overflow: &Overflow) -> ! {
        // SAFETY: the test wrote it.
        let word = unsafe { overflow.header.cast::<usize>().read() };
        let right = word == overflow.header.addr().get() && overflow.class == Class::M1;
        exit(if right { REPORTED } else { 1 })
    }

    fn slot() -> Slot {
        let mut slot = [Slot::NONE];
        assert_eq!(take(Class::M1, &mut slot), Ok(1));
        let [slot] = slot;
        // SAFETY: the header of a slot of our own.
        unsafe { slot.header().cast::<usize>().write(slot.base()) };
        slot
    }

    /// Writes to an address that may not be written, on a thread with an alternate stack.
    fn touch(addr: usize) {
        let thread = std::thread::spawn(move || {
            let _stack = AltStack::install().expect("memory");
            // SAFETY: not safe at all: the test wants the fault.
            unsafe { ptr::with_exposed_provenance_mut::<u8>(addr).write_volatile(1) };
        });
        thread.join().expect("no panic");
    }

    fn set(signal: i32, handler: usize, flags: i32) {
        // SAFETY: zeros are a valid action.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        sigaction(signal, Some(&action)).expect("a valid action");
    }

    extern "C" fn with_info(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: a handler with SA_SIGINFO gets a live siginfo.
        let same = unsafe { (*info).si_signo } == signal;
        exit(if same && !context.is_null() { CHAINED } else { 1 })
    }

    extern "C" fn without_info(signal: i32) {
        exit(if SIGNALS.contains(&signal) { CHAINED } else { 1 })
    }

    extern "C" fn returns(_: i32) {}

    fn raise(signal: i32) {
        // SAFETY: takes a number.
        unsafe { libc::raise(signal) };
    }

    fn assert_exit(output: &Output, status: i32) {
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }

    fn assert_killed(output: &Output, signal: i32) {
        assert_eq!(output.status.signal(), Some(signal), "{output:?}");
    }

    #[test]
    fn only_the_guard_of_a_slot_that_was_handed_out_counts() {
        let slot = slot();
        let at = |addr| Overflow::at(addr).map(|overflow| overflow.header);
        assert_eq!(at(slot.lo()), Some(slot.header()));
        assert_eq!(at(slot.guard_end() - 1), Some(slot.header()));
        assert_eq!(at(slot.guard_end()), None);
        assert_eq!(at(slot.lo() - 1), None);
        assert_eq!(at(slot.lo() + (64 << 30)), None);
        assert_eq!(at(0), None);
    }

    #[test]
    fn reports_an_overflow() {
        let output = child::run(concat!(module_path!(), "::reports_an_overflow"), || {
            install(report).expect("sigaction");
            touch(slot().guard_end() - 8);
        });
        assert_exit(&output, REPORTED);
    }

    #[test]
    fn reports_an_overflow_with_mprotect() {
        let output = child::run(concat!(module_path!(), "::reports_an_overflow_with_mprotect"), || {
            init(true).expect("address space");
            install(report).expect("sigaction");
            touch(slot().lo());
        });
        assert_exit(&output, REPORTED);
    }

    #[test]
    fn a_guard_kills_without_a_handler() {
        let output = child::run(concat!(module_path!(), "::a_guard_kills_without_a_handler"), || {
            set(libc::SIGSEGV, libc::SIG_DFL, 0);
            touch(slot().lo());
        });
        assert_killed(&output, libc::SIGSEGV);
    }

    #[test]
    fn other_faults_kill_as_before() {
        let output = child::run(concat!(module_path!(), "::other_faults_kill_as_before"), || {
            install(report).expect("sigaction");
            touch(16);
        });
        assert_killed(&output, libc::SIGSEGV);
    }

    #[test]
    fn an_overflow_of_a_thread_is_left_to_std() {
        #[expect(unconditional_recursion, reason = "the test overflows a stack")]
        fn deep(n: u64) -> u64 {
            std::hint::black_box(deep(std::hint::black_box(n + 1))) + 1
        }
        let output = child::run(concat!(module_path!(), "::an_overflow_of_a_thread_is_left_to_std"), || {
            install(report).expect("sigaction");
            let _ = std::thread::spawn(|| deep(0)).join();
        });
        assert_killed(&output, libc::SIGABRT);
        assert!(String::from_utf8_lossy(&output.stderr).contains("has overflowed its stack"), "{output:?}");
    }

    #[test]
    fn chains_to_a_handler_with_info() {
        let output = child::run(concat!(module_path!(), "::chains_to_a_handler_with_info"), || {
            set(libc::SIGSEGV, with_info as *const () as usize, libc::SA_SIGINFO);
            install(report).expect("sigaction");
            touch(16);
        });
        assert_exit(&output, CHAINED);
    }

    #[test]
    fn chains_to_a_handler_without_info() {
        let output = child::run(concat!(module_path!(), "::chains_to_a_handler_without_info"), || {
            set(libc::SIGBUS, without_info as *const () as usize, libc::SA_NODEFER);
            install(report).expect("sigaction");
            raise(libc::SIGBUS);
        });
        assert_exit(&output, CHAINED);
    }

    #[test]
    fn a_handler_for_one_call_has_one_call() {
        let output = child::run(concat!(module_path!(), "::a_handler_for_one_call_has_one_call"), || {
            set(libc::SIGBUS, returns as *const () as usize, libc::SA_RESETHAND);
            install(report).expect("sigaction");
            raise(libc::SIGBUS);
            raise(libc::SIGBUS);
            exit(1);
        });
        assert_killed(&output, libc::SIGBUS);
    }

    #[test]
    fn a_sent_signal_kills_by_default() {
        let output = child::run(concat!(module_path!(), "::a_sent_signal_kills_by_default"), || {
            set(libc::SIGSEGV, libc::SIG_DFL, 0);
            install(report).expect("sigaction");
            raise(libc::SIGSEGV);
            exit(1);
        });
        assert_killed(&output, libc::SIGSEGV);
    }

    #[test]
    fn only_a_sent_signal_can_be_ignored() {
        let output = child::run(concat!(module_path!(), "::only_a_sent_signal_can_be_ignored"), || {
            set(libc::SIGSEGV, libc::SIG_IGN, 0);
            install(report).expect("sigaction");
            install(report).expect("no effect");
            raise(libc::SIGSEGV);
            touch(16);
            exit(1);
        });
        assert_killed(&output, libc::SIGSEGV);
    }
}
