//! A ticker and a timer, stopped: nothing comes afterwards.
//!
//! Go: "Go by Example", Tickers and Timers. There the main goroutine sleeps and then stops the ticker; here it stops it after
//! three ticks, so that their number does not depend on the clock.
//!
//! Run: `cargo run --release -p goconc-examples --bin ticker`

use goconc::{prelude::*, time::Ticker, time::Timer};

#[goroutine]
fn main() {
    let interval = 5 * time::MILLISECOND;
    let start = time::now();
    let ticker = Ticker::new(interval);
    for (n, moment) in (1..=3).zip(&ticker.c) {
        println!("tick {n}, not early: {}", moment >= start + n * interval);
    }
    ticker.stop();
    time::sleep(2 * interval);
    println!("after stop: {:?}", ticker.c.try_recv());

    let timer1 = Timer::new(5 * time::MILLISECOND);
    timer1.c.recv();
    println!("timer 1 fired");

    let timer2 = Timer::new(time::MINUTE);
    let waiting = timer2.c();
    go! {
        waiting.recv();
        println!("timer 2 fired");
    }
    if timer2.stop() {
        println!("timer 2 stopped");
    }
}
