//! Channels of async-channel between tasks of tokio. It has none without a buffer.

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
use async_channel::{Receiver, Sender};
use table::Table;

/// The channels of async-channel; a buffer of one stands for none.
enum Buffered {}

impl Channel for Buffered {
    type Tx = Sender<isize>;
    type Rx = Receiver<isize>;

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        async_channel::bounded(capacity.max(1))
    }

    async fn send(tx: &Self::Tx, value: isize) {
        tx.send(value).await.expect("somebody receives");
    }

    async fn recv(rx: &Self::Rx) -> Option<isize> {
        rx.recv().await.ok()
    }
}

static TABLE: Table = &[
    ("pingpong_unbuf", pingpong::<Buffered>),
    ("buf128_1p1c", |r| one_to_one::<Buffered>(r, 128, 5_000_000)),
    ("buf128_4p4c", |r| four_to_four::<Buffered>(r, 128, 5_000_000)),
    ("chan_same_g_buf1", same_task::<Buffered>),
];

fn main() -> ExitCode {
    table::main(TABLE)
}
