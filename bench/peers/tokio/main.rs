//! tokio: tasks, its channels, its locks, its timers and its sockets.
//!
//! Its channels have a buffer of at least one, and one receiver: rows that need more are left out.

mod chan;
mod io;
#[path = "../common/on_tokio.rs"]
mod on_tokio;
#[path = "../../src/recorder.rs"]
mod recorder;
mod sync;
#[path = "../common/table.rs"]
mod table;
mod tasks;

use std::process::ExitCode;

use table::Table;

static TABLE: Table = &[
    ("spawn_join_1M", tasks::join),
    ("spawn_one_wait", tasks::one_wait),
    ("gosched_1", tasks::yield_alone),
    ("gosched_100x", tasks::yield_hundred),
    ("pingpong_unbuf", chan::pingpong),
    ("buf128_1p1c", chan::buffered),
    ("chan_same_g_buf1", chan::same_task),
    ("select2_recv_unbuf", chan::select_two),
    ("select8_ready", chan::select_eight),
    ("select_timeout_hit", chan::timeout_hit),
    ("ring503", chan::ring),
    ("skynet_1M", chan::skynet_1m),
    ("sleep_1M", tasks::sleep_million),
    ("parked_1M", tasks::parked_million),
    ("mutex_uncontended", sync::mutex_uncontended),
    ("mutex_8g", sync::mutex_8g),
    ("rwmutex_8r", sync::rwmutex_8r),
    ("tcp_echo_1", |r| io::echo(r, 1)),
    ("tcp_echo_100", |r| io::echo(r, 100)),
    ("tcp_echo_1000", |r| io::echo(r, 1000)),
];

fn main() -> ExitCode {
    table::main(TABLE)
}
