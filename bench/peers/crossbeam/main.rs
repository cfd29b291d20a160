//! Channels of crossbeam-channel between threads of the system, on as many CPUs as Go has Ps.

mod chan;
#[allow(dead_code, reason = "not every peer needs all of it")]
#[path = "../../src/recorder.rs"]
mod recorder;
#[path = "../common/table.rs"]
mod table;

use std::mem;
use std::process::ExitCode;
use std::time::Duration;

use table::{Table, procs};

static TABLE: Table = &[
    ("pingpong_unbuf", chan::pingpong),
    ("unbuf_1p1c", |r| chan::one_to_one(r, 0, 1_000_000)),
    ("buf128_1p1c", |r| chan::one_to_one(r, 128, 5_000_000)),
    ("buf128_4p4c", |r| chan::four_to_four(r, 128, 5_000_000)),
    ("unbuf_4p4c", |r| chan::four_to_four(r, 0, 1_000_000)),
    ("chan_same_g_buf1", chan::same_thread),
    ("select2_recv_unbuf", chan::select_two),
    ("select_default_miss", chan::select_default),
    ("select8_ready", chan::select_eight),
    ("select_timeout_hit", chan::select_timeout),
    ("late_workers_2x20us", |r| chan::late_workers(r, 2, 10_000, Duration::from_micros(20))),
    ("late_workers_8x20us", |r| chan::late_workers(r, 8, 10_000, Duration::from_micros(20))),
    ("late_workers_8x200us", |r| chan::late_workers(r, 8, 1000, Duration::from_micros(200))),
    ("late_workers_64x20us", |r| chan::late_workers(r, 64, 10_000, Duration::from_micros(20))),
];

fn main() -> ExitCode {
    bind(procs());
    table::main(TABLE)
}

/// Keeps this process on the first `n` of the CPUs it may use.
fn bind(n: usize) {
    // SAFETY: a set of CPUs is a plain array of bits, and none of them is a valid set.
    let mut allowed: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut chosen: libc::cpu_set_t = unsafe { mem::zeroed() };
    let size = size_of_val(&allowed);
    // SAFETY: the set is ours and as large as we say; 0 is the calling thread.
    let known = unsafe { libc::sched_getaffinity(0, size, &raw mut allowed) };
    assert_eq!(known, 0, "the CPUs of this process are known");
    // SAFETY: the number is below the size of the set.
    let may_use = (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &allowed) });
    for cpu in may_use.take(n) {
        // SAFETY: as above.
        unsafe { libc::CPU_SET(cpu, &mut chosen) };
    }
    // SAFETY: the set is ours and as large as we say; threads started later inherit it.
    let bound = unsafe { libc::sched_setaffinity(0, size, &raw const chosen) };
    assert_eq!(bound, 0, "a process may use fewer CPUs");
}
