//! Counts the instructions that one thread of a child executes, by single steps.
//!
//! The child asks to be traced (`attach`) and raises a signal wherever a stretch begins or ends (`mark`). Between two such
//! signals the parent has the thread execute one instruction at a time. That needs no hardware counters, which virtual
//! machines often do not have, and no rights beyond those over one's own children. It is exact, and slow: some microseconds
//! per instruction.
//!
//! So slow that the watcher of the runtime would think that the thread hangs, and give its work to another one. Therefore all
//! other threads of the child are stopped meanwhile, at a moment at which they sleep and hold no lock. What is counted must
//! not wait for them.
//!
//! What the runtime does also depends on how long goroutines take. Therefore time goes by the instructions that have been counted:
//! to read the CPU's clock is forbidden to the thread (`clock_is_readable`), and the parent answers instead, as if the thread ran
//! at full speed.

use std::fs;
use std::io::{BufRead, BufReader, Error};
use std::mem;
use std::process::{Child, Command, Stdio};
use std::ptr::null_mut;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use libc::{PR_TSC_ENABLE, PR_TSC_SIGSEGV, c_int, c_uint, c_ulong, c_void, pid_t};

/// Instructions that take about as long as the CPU's clock takes for one tick.
const PER_TICK: u64 = 2;
/// Says that a stretch begins or ends.
const MARK: c_int = libc::SIGUSR1;
/// For all stretches of a child. Reached only when it hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// In the child: has the parent trace this thread, and tells it which one that is.
///
/// # Panics
/// When the system does not allow it.
pub(super) fn attach() {
    trace(libc::PTRACE_TRACEME, 0, 0).expect("a parent may trace its child");
    // SAFETY: gettid has no arguments and cannot fail.
    println!("{}", unsafe { libc::gettid() });
    clock_is_readable(false);
}

/// In the child: ends the last stretch.
pub(super) fn detach() {
    clock_is_readable(true);
}

/// Whether this thread may read the CPU's clock itself. Without a kernel that can forbid it, time is the real one.
fn clock_is_readable(readable: bool) {
    let mode = if readable { PR_TSC_ENABLE } else { PR_TSC_SIGSEGV };
    // SAFETY: it concerns this thread alone, whose parent answers for the clock.
    unsafe { libc::prctl(libc::PR_SET_TSC, mode as c_ulong) };
}

/// In the child: ends a stretch and begins the next one.
pub(super) fn mark() {
    // SAFETY: the parent traces this thread and takes the signal away; without a parent its default action ends the process.
    unsafe { libc::raise(MARK) };
}

/// In the parent: runs the child and gives the instructions of so many stretches of it.
pub(super) fn stretches(mut command: Command, number: usize) -> Result<Vec<u64>, String> {
    share_a_cpu();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let pid = child.id() as pid_t;
    let (counted, is_counted) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if is_counted.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            // SAFETY: the child has not been waited for, so its id is still its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    });
    let counts = count_in(&mut child, number);
    if counts.is_err() {
        // Some of it may be stopped, and would be so for ever. Who traces a thread must also bury it.
        let threads = threads(pid);
        let _ = child.kill();
        threads.into_iter().filter(|&thread| thread != pid).for_each(|thread| while stop(thread).is_ok() {});
    }
    drop(counted);
    watchdog.join().map_err(|_| "the watchdog panicked")?;
    let status = child.wait().map_err(|e| e.to_string())?;
    match counts {
        Ok(_) if !status.success() => Err(format!("died after it was counted ({status})")),
        counts => counts,
    }
}

/// Keeps this thread and the children it will have on one CPU: the two take turns, step by step, and to wake another CPU
/// takes ten times as long. Where that is not allowed it is only slower.
fn share_a_cpu() {
    // SAFETY: a set of CPUs is a plain array of bits, and none of them is a valid set.
    let mut cpus: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: it has no arguments; where it fails, it gives -1, which no set has.
    let cpu = unsafe { libc::sched_getcpu() };
    // SAFETY: it checks the number against the size of the set.
    unsafe { libc::CPU_SET(cpu as usize, &mut cpus) };
    // SAFETY: the set is ours and as large as we say; 0 is the calling thread.
    unsafe { libc::sched_setaffinity(0, size_of_val(&cpus), &raw const cpus) };
}

/// Waits for the marks of a child and counts between them.
fn count_in(child: &mut Child, number: usize) -> Result<Vec<u64>, String> {
    let mut line = String::new();
    let stdout = child.stdout.take().ok_or("no pipe from the child")?;
    BufReader::new(stdout).read_line(&mut line).map_err(|e| e.to_string())?;
    let thread: pid_t = line.trim().parse().map_err(|_| "said no thread: it could not be traced")?;
    let first = stop(thread)?;
    if first != MARK {
        return Err(format!("stopped with signal {first} before its first mark"));
    }
    let others = stop_others(child.id() as pid_t, thread)?;
    let mut clock = Stepper::new(thread);
    let counts = (0..number).map(|_| clock.stretch()).collect::<Result<_, _>>()?;
    for thread in others.into_iter().chain([thread]) {
        trace(libc::PTRACE_DETACH, thread, 0)?;
    }
    Ok(counts)
}

/// Stops all threads of a process but `counted`, once all of them sleep.
fn stop_others(pid: pid_t, counted: pid_t) -> Result<Vec<pid_t>, String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let others = loop {
        let mut others = threads(pid);
        others.retain(|&thread| thread != counted);
        if others.iter().all(|&thread| sleeps(pid, thread)) {
            break others;
        }
        if Instant::now() > deadline {
            return Err("its other threads do not come to rest".into());
        }
        thread::sleep(Duration::from_millis(1));
    };
    let mut stopped = Vec::new();
    for thread in others {
        match trace(libc::PTRACE_SEIZE, thread, 0) {
            Err(_) if ends(pid, thread, deadline) => continue,
            seized => seized?,
        }
        trace(libc::PTRACE_INTERRUPT, thread, 0)?;
        stop(thread)?;
        stopped.push(thread);
    }
    Ok(stopped)
}

/// Whether a thread that cannot be traced is about to end, or has ended since it was listed.
fn ends(pid: pid_t, thread: pid_t, deadline: Instant) -> bool {
    while threads(pid).contains(&thread) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// The threads of a process.
fn threads(pid: pid_t) -> Vec<pid_t> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether a thread sleeps in the kernel. One that has ended does.
fn sleeps(pid: pid_t, thread: pid_t) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{thread}/stat")).unwrap_or_default();
    // `12 (name) S ...`, and the name may hold anything.
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
}

/// Has a thread do one instruction at a time.
struct Stepper {
    thread: pid_t,
    /// What the CPU's clock said at first.
    began: u64,
    /// Instructions since then.
    steps: u64,
}

impl Stepper {
    fn new(thread: pid_t) -> Self {
        // SAFETY: every x86-64 CPU has this clock, and this thread may read it.
        let began = unsafe { core::arch::x86_64::_rdtsc() };
        Self { thread, began, steps: 0 }
    }

    /// Steps through the thread until its next mark.
    fn stretch(&mut self) -> Result<u64, String> {
        let before = self.steps;
        let mut signal = 0;
        loop {
            trace(libc::PTRACE_SINGLESTEP, self.thread, signal)?;
            self.steps += 1;
            signal = match stop(self.thread)? {
                MARK => return Ok(self.steps - before),
                libc::SIGTRAP => 0,
                libc::SIGSEGV if self.answers_for_the_clock()? => 0,
                other => other,
            };
        }
    }

    /// If the thread has tried to read the clock, gives it what the clock would say, and has it go on behind.
    fn answers_for_the_clock(&self) -> Result<bool, String> {
        let at = self.word(libc::PTRACE_PEEKUSER, RIP)?;
        let Ok(code) = self.word(libc::PTRACE_PEEKTEXT, at) else { return Ok(false) }; // it has jumped to nowhere
        let len = match code.to_le_bytes() {
            [0x0f, 0x31, ..] => 2,       // rdtsc
            [0x0f, 0x01, 0xf9, ..] => 3, // rdtscp
            _ => return Ok(false),
        };
        let now = self.began + self.steps / PER_TICK;
        self.set(RAX, now & u64::from(u32::MAX))?;
        self.set(RDX, now >> 32)?;
        self.set(RIP, at + len)?;
        Ok(true)
    }

    /// Reads a word of the thread: one of its registers, or of its memory.
    fn word(&self, request: c_uint, at: u64) -> Result<u64, String> {
        let mut word = 0u64;
        // SAFETY: as a system call, the request puts the word where its data points to.
        let done = unsafe { libc::syscall(libc::SYS_ptrace, request, self.thread, at, &raw mut word) };
        if done == -1 { Err(format!("ptrace: {}", Error::last_os_error())) } else { Ok(word) }
    }

    /// Sets a register of the thread.
    fn set(&self, register: u64, value: u64) -> Result<(), String> {
        // SAFETY: the registers are those of the thread alone.
        let done =
            unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_POKEUSER, self.thread, register, value) };
        if done == -1 { Err(format!("ptrace: {}", Error::last_os_error())) } else { Ok(()) }
    }
}

/// Where a register stands in what ptrace calls the user area.
const RIP: u64 = mem::offset_of!(libc::user_regs_struct, rip) as u64;
const RAX: u64 = mem::offset_of!(libc::user_regs_struct, rax) as u64;
const RDX: u64 = mem::offset_of!(libc::user_regs_struct, rdx) as u64;

/// Waits until the thread stops, and gives the signal that it stopped with.
fn stop(thread: pid_t) -> Result<c_int, String> {
    let mut status = 0;
    // SAFETY: `status` is ours.
    let waited = unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) };
    match waited {
        _ if waited != thread => Err(format!("could not be waited for: {}", Error::last_os_error())),
        _ if libc::WIFSTOPPED(status) => Ok(libc::WSTOPSIG(status)),
        _ if libc::WIFSIGNALED(status) => {
            Err(format!("died of signal {} while it was counted", libc::WTERMSIG(status)))
        }
        _ => Err("ended while it was counted".into()),
    }
}

/// A ptrace request without an address.
fn trace(request: c_uint, thread: pid_t, signal: c_int) -> Result<(), String> {
    let data = signal as usize as *mut c_void;
    // SAFETY: none of our requests reads or writes memory: the address is unused and the data is a signal or nothing.
    match unsafe { libc::ptrace(request, thread, null_mut::<c_void>(), data) } {
        -1 => Err(format!("ptrace: {}", Error::last_os_error())),
        _ => Ok(()),
    }
}
