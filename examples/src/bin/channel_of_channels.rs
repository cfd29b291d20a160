//! A channel of channels, made flat: the values of the first, then those of the second, and so on.
//!
//! Go: the `bridge` of "Concurrency in Go" (without its `done`), one of the ways of 任务编排 that seed 003 names.
//!
//! Run: `cargo run --release -p goconc-examples --bin channel_of_channels`

use goconc::prelude::*;

fn flat(chans: Recv<Recv<i32>>) -> Recv<i32> {
    let out = Chan::<i32>::new();
    go!([out] {
        for v in chans.iter().flatten() {
            out.send(v);
        }
        out.close();
    });
    out.into()
}

#[goroutine]
fn main() {
    let chans = Chan::<Recv<i32>>::new();
    go!([chans] {
        for i in 0..3 {
            let ch = Chan::<i32>::with_capacity(3);
            for j in 1..=3 {
                ch.send(i * 3 + j);
            }
            ch.close();
            chans.send(ch.into());
        }
        chans.close();
    });
    for v in flat(chans.into()) {
        println!("{v}");
    }
}
