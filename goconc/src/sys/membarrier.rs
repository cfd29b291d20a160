//! The expensive half of an asymmetric fence.
//!
//! Ms write `in_rt` and read `retake` with nothing but a compiler fence between. sysmon, which is in no hurry, writes
//! `retake`, calls [`everywhere`] and reads `in_rt`: the system call makes every running thread of the process pass a
//! full fence, so that one of the two sees the other's write (Dekker, with the cost on the rare side).

use core::sync::atomic::{AtomicBool, Ordering};

const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;

static AVAILABLE: AtomicBool = AtomicBool::new(false);

fn call(command: libc::c_int) -> bool {
    // SAFETY: membarrier takes three integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Registers the process. False: the kernel has no such call, and Ms must fence for themselves.
pub(crate) fn register() -> bool {
    let ok = call(REGISTER_PRIVATE_EXPEDITED) && call(PRIVATE_EXPEDITED);
    AVAILABLE.store(ok, Ordering::Relaxed); // written before the first M starts; thread creation orders it
    ok
}

/// Makes every thread of the process pass a full fence before this returns.
pub(crate) fn everywhere() {
    if !AVAILABLE.load(Ordering::Relaxed) || !call(PRIVATE_EXPEDITED) {
        core::sync::atomic::fence(Ordering::SeqCst); // the Ms fence on their side: see `Retake::with_fences`
    }
}
