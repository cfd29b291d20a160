//! A request that brings the channel for its answer along.
//!
//! Go: `Request`, `handle` and the client of "Effective Go", Channels of channels.
//!
//! Run: `cargo run --release -p goconc-examples --bin request_response`

use goconc::prelude::*;

#[derive(Debug)]
struct Request {
    args: Vec<i32>,
    f: fn(&[i32]) -> i32,
    result_chan: Chan<i32>,
}

fn sum(args: &[i32]) -> i32 {
    args.iter().sum()
}

/// One of the server's goroutines.
#[goroutine]
fn handle(queue: Recv<Request>) {
    for req in &queue {
        req.result_chan.send((req.f)(&req.args));
    }
}

#[goroutine]
fn main() {
    let client_requests = Chan::<Request>::new();
    for _ in 0..2 {
        go!(handle(&client_requests));
    }

    let result_chan = Chan::new();
    client_requests.send(Request { args: vec![3, 4, 5], f: sum, result_chan: result_chan.clone() });
    println!("answer: {}", result_chan.recv_or_default());
    client_requests.close();
}
