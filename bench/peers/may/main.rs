//! may: coroutines with stacks, as ours.
//!
//! Its channels have no bound, so of the channel rows only those are here in which nothing piles up.

#[path = "../../src/recorder.rs"]
mod recorder;
#[path = "../common/table.rs"]
mod table;
mod workloads;

use std::process::ExitCode;

use table::{Table, procs};

static TABLE: Table = &[
    ("spawn_join_1M", workloads::join),
    ("spawn_one_wait", workloads::one_wait),
    ("gosched_1", workloads::yield_alone),
    ("gosched_100x", workloads::yield_hundred),
    ("pingpong_unbuf", workloads::pingpong),
    ("skynet_1M", workloads::skynet_1m),
    ("sleep_1M", workloads::sleep_million),
    ("parked_1M", workloads::parked_million),
    ("mutex_uncontended", workloads::mutex_uncontended),
    ("mutex_8g", workloads::mutex_8g),
    ("rwmutex_8r", workloads::rwmutex_8r),
];

fn main() -> ExitCode {
    may::config().set_workers(procs());
    table::main(TABLE)
}
