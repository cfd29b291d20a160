//! Channels of kanal between tasks of tokio.

#[path = "../common/async_chan.rs"]
mod async_chan;
#[path = "../common/on_tokio.rs"]
mod on_tokio;
#[allow(dead_code, reason = "not every peer needs all of it")]
#[path = "../../src/recorder.rs"]
mod recorder;
#[path = "../common/table.rs"]
mod table;

use std::process::ExitCode;

use async_chan::{Channel, four_to_four, one_to_one, pingpong, same_task};
use kanal::{AsyncReceiver, AsyncSender};
use table::Table;

/// The channels of kanal; capacity 0 is a rendezvous, as in Go.
enum Kanal {}

impl Channel for Kanal {
    type Tx = AsyncSender<isize>;
    type Rx = AsyncReceiver<isize>;

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        kanal::bounded_async(capacity)
    }

    async fn send(tx: &Self::Tx, value: isize) {
        tx.send(value).await.expect("somebody receives");
    }

    async fn recv(rx: &Self::Rx) -> Option<isize> {
        rx.recv().await.ok()
    }
}

static TABLE: Table = &[
    ("pingpong_unbuf", pingpong::<Kanal>),
    ("unbuf_1p1c", |r| one_to_one::<Kanal>(r, 0, 1_000_000)),
    ("buf128_1p1c", |r| one_to_one::<Kanal>(r, 128, 5_000_000)),
    ("buf128_4p4c", |r| four_to_four::<Kanal>(r, 128, 5_000_000)),
    ("unbuf_4p4c", |r| four_to_four::<Kanal>(r, 0, 1_000_000)),
    ("chan_same_g_buf1", same_task::<Kanal>),
];

fn main() -> ExitCode {
    table::main(TABLE)
}
