//! Two players and a ball: whoever has it hits it back.
//!
//! Go: the ping-pong program of the talk "Advanced Go Concurrency Patterns". There both players share one table and main
//! takes the ball away after a second; here there is a channel for each direction, main is one of the players, and the
//! number of rallies is given: the output is always the same.
//!
//! Run: `cargo run --release -p goconc-examples --bin ping_pong -- [RALLIES]`

use goconc::{Send, prelude::*};

#[derive(Debug, Default)]
struct Ball {
    hits: u32,
}

impl Ball {
    fn hit_by(mut self, player: &str) -> Ball {
        self.hits += 1;
        println!("{player} {}", self.hits);
        self
    }
}

#[goroutine]
fn pong(from_ping: Recv<Ball>, to_ping: Send<Ball>) {
    for ball in &from_ping {
        to_ping.send(ball.hit_by("pong"));
    }
    to_ping.close();
}

#[goroutine]
fn main() {
    let rallies = goconc_examples::number_arg("RALLIES", 5);
    let (there, back) = (Chan::<Ball>::new(), Chan::<Ball>::new());
    go!(pong(&there, &back));

    let mut ball = Ball::default();
    for _ in 0..rallies {
        there.send(ball.hit_by("ping"));
        ball = back.recv_or_default(); // ball = <-back
    }
    there.close();
    assert!(back.recv().is_none(), "pong ends when ping has left");
}
