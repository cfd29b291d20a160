//! What the kernel says of threads.

/// The calling thread's kernel id.
pub(crate) fn tid() -> i32 {
    // SAFETY: gettid has no arguments and cannot fail.
    unsafe { libc::gettid() }
}

/// Whether thread `tid` of this process is blocked in the kernel (asleep, or waiting for a disk).
pub(crate) fn is_blocked(tid: i32) -> bool {
    let Ok(stat) = std::fs::read(format!("/proc/self/task/{tid}/stat")) else {
        return false;
    };
    // "tid (name) S ...": the name may hold anything, so look behind the last parenthesis.
    let Some(end) = stat.iter().rposition(|&b| b == b')') else {
        return false;
    };
    matches!(stat.get(end + 2), Some(b'S' | b'D'))
}

/// How many threads the process has, in one consistent look. `None` where `/proc` is not there.
pub(crate) fn count() -> Option<usize> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields = &stat[stat.rfind(')')? + 2..];
    fields.split(' ').nth(17)?.parse().ok() // field 20 of the line, the 18th behind the name
}

/// Whether the kernel may be late with the calling thread's timeouts, by 50 us as a rule, to join its wake-ups with others.
/// To be allowed again before anything else runs on the thread: whatever it starts inherits this.
pub(crate) fn allow_timer_slack(allow: bool) {
    const DEFAULT: libc::c_ulong = 0;
    const LEAST_NS: libc::c_ulong = 1;
    let slack = if allow { DEFAULT } else { LEAST_NS };
    // SAFETY: takes one number; where it is not known the timeouts stay as they are.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack) };
}

/// Lets SIGQUIT through on the calling thread.
pub(crate) fn unblock_quit() {
    let mut set = core::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: the set was initialised above.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGQUIT) };
    // SAFETY: the set is initialised; a null third argument is allowed.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), core::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_itself_and_sees_a_sleeper() {
        let before = super::count().expect("/proc");
        let (tx, rx) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let t = std::thread::spawn(move || {
            tx.send(super::tid()).expect("the test waits");
            let _ = stopped.recv();
        });
        let tid = rx.recv().expect("the thread sends");
        assert!(super::count().expect("/proc") > before.saturating_sub(1));
        while !super::is_blocked(tid) {
            std::thread::yield_now();
        }
        assert!(!super::is_blocked(super::tid()));
        drop(stop);
        t.join().expect("no panic");
    }
}
