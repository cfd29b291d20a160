//! Four goroutines in a ring: the one that has the token prints its number and passes it on. 1 2 3 4 1 2 3 4 ...
//!
//! Go: `Token`, `newWorker` and main of seed 003, 数据传递. There the ring turns for ever, once every four seconds; here the
//! token counts its hops, and with the last one the ring is taken down.
//!
//! Run: `cargo run --release -p goconc-examples --bin token_ring -- [ROUNDS]`

use std::{sync::Arc, time::Duration};

use goconc::{Send, prelude::*, sync::WaitGroup};

const WORKERS: usize = 4;

#[derive(Debug)]
struct Token {
    hops_left: usize,
}

#[goroutine]
fn new_worker(id: usize, ch: Recv<Token>, next_ch: Send<Token>, wg: &WaitGroup) {
    for token in &ch {
        println!("{}", id + 1); // ids begin with 1
        time::sleep(Duration::from_millis(10));
        if token.hops_left == 0 {
            break;
        }
        next_ch.send(Token { hops_left: token.hops_left - 1 });
    }
    next_ch.close(); // the neighbour ends too, and so on round the ring
    wg.done();
}

#[goroutine]
fn main() {
    let rounds: usize = goconc_examples::number_arg("ROUNDS", 3);
    let Some(last_hop) = rounds.saturating_mul(WORKERS).checked_sub(1) else { return };
    let chs: [Chan<Token>; WORKERS] = std::array::from_fn(|_| Chan::new());
    let wg = Arc::new(WaitGroup::new());

    for id in 0..WORKERS {
        wg.add(1);
        go!(new_worker(id, &chs[id], &chs[(id + 1) % WORKERS], &wg));
    }

    chs[0].send(Token { hops_left: last_hop }); // the first worker begins
    wg.wait();
}
