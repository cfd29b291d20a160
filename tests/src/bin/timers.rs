//! Scenarios with timers that need a process of their own: `timers NAME`. Run by `tests/time_process.rs`.
//!
//! No thread-locals here: its started goroutines may move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use goconc::prelude::*;
use goconc::time::{Ticker, Timer, after_func};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

type Scene = (&'static str, fn());

const SCENES: &[Scene] = &[
    ("func_wakes", func_wakes),
    ("func_then_deadlock", func_then_deadlock),
    ("timer_wakes", timer_wakes),
    ("many_timers_then_deadlock", many_timers_then_deadlock),
    ("left_timer_then_deadlock", left_timer_then_deadlock),
    ("stopped_timer_then_deadlock", stopped_timer_then_deadlock),
    ("panic_in_func", panic_in_func),
    ("goexit_in_func", goexit_in_func),
    ("starving", starving),
    ("freed", freed),
    ("gomaxprocs_changes", gomaxprocs_changes),
    ("dump", dump),
    ("mass", mass),
];

#[goroutine]
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match SCENES.iter().find(|(known, _)| *known == name) {
        Some((_, scene)) => scene(),
        None => println!("scenes: {:?}", SCENES.iter().map(|(name, _)| name).collect::<Vec<_>>()),
    }
}

fn block_for_ever() {
    Chan::<()>::new().recv();
}

fn func_wakes() {
    let ch = Chan::new();
    let sender = ch.sender();
    let _ = after_func(ms(200), move || sender.send(()));
    ch.recv();
}

fn func_then_deadlock() {
    let _ = after_func(ms(100), || eprintln!("called"));
    block_for_ever();
}

/// Main waits for timers and nothing else: alone, beside another channel, and with a ticker.
fn timer_wakes() {
    time::after(ms(100)).recv();
    let never = Chan::<()>::new();
    select! { <-never => {} <-time::after(ms(100)) => {} }
    assert_eq!(Ticker::new(ms(40)).c.iter().take(3).count(), 3);
}

/// Nobody waits for them, so they are in no heap: nothing is woken for them, and they wake nobody.
fn many_timers_then_deadlock() {
    let timers: Vec<_> = (0..10_000).map(|i| Timer::new(time::HOUR + ms(i))).collect();
    let (_ticker, _tick) = (Ticker::new(ms(1)), time::tick(ms(1)));
    timers[0].reset(ms(10));
    block_for_ever();
}

/// A select that has taken another case has left the timer's list, and the timer its heap.
fn left_timer_then_deadlock() {
    let (timer, ch) = (Timer::new(time::HOUR), Chan::new());
    go!([ch] {
        time::sleep(ms(5)); // most often main waits by then
        ch.send(());
    });
    select! { <-timer.c => unreachable!(), <-ch => eprintln!("the other case") }
    block_for_ever();
}

/// Who waits for a stopped timer waits for ever.
fn stopped_timer_then_deadlock() {
    let timer = Timer::new(time::HOUR);
    let c = timer.c();
    go! {
        time::sleep(ms(5));
        timer.stop();
        drop(timer);
    }
    c.recv();
}

fn panic_in_func() {
    let _ = after_func(ms(5), || panic!("boom in after_func"));
    time::sleep(time::HOUR);
}

fn goexit_in_func() {
    let timer = after_func(ms(5), || {
        println!("called");
        runtime::goexit();
    });
    time::sleep(ms(50));
    assert!(!timer.reset(ms(5)));
    time::sleep(ms(50));
}

/// TM-004: a pair that wakes one another for ever, one that yields for ever, and a timer that ends it.
fn starving() {
    for yields in [false, true] {
        let stop = Arc::new(AtomicBool::new(false));
        let (ping, pong) = (Chan::new(), Chan::new());
        go!([ping, pong] {
            for v in &ping {
                pong.send(v);
            }
        });
        let _ = after_func(ms(2), {
            let stop = Arc::clone(&stop);
            move || stop.store(true, Ordering::Relaxed)
        });
        while !stop.load(Ordering::Relaxed) {
            if yields {
                runtime::gosched();
            } else {
                ping.send(0);
                pong.recv();
            }
        }
    }
}

/// TM-028: prints by how much the memory has grown, in KiB, after a million timers were dropped that were not stopped.
fn freed() {
    let churn = |n| {
        for i in 0..n {
            let _ = (Timer::new(time::HOUR), Ticker::new(time::HOUR));
            if i % 10 == 0 {
                select! { <-time::after(time::HOUR) => {} <-time::after(Duration::ZERO) => {} }
                let _ = after_func(time::HOUR, || ()).stop();
            }
        }
    };
    churn(1000);
    let before = resident_kib();
    churn(if cfg!(debug_assertions) { 200_000 } else { 1_000_000 });
    println!("{}", resident_kib().saturating_sub(before));
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// TM-010: sleeps and timers of all lengths while there are more and fewer processors.
fn gomaxprocs_changes() {
    let handles: Vec<_> = (0..20_u64)
        .map(|i| {
            goconc::spawn(move || {
                for n in 0..50 {
                    time::sleep(Duration::from_micros((i * n) % 7 * 30));
                    time::after(Duration::from_micros((i * n) % 5 * 30)).recv();
                }
            })
        })
        .collect();
    let mut n = 0;
    while !handles.iter().all(|handle| handle.is_finished()) {
        n += 1;
        runtime::gomaxprocs(n % 5 + 1);
        time::sleep(Duration::from_micros(n % 3 * 50));
    }
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

fn dump() {
    go!(name = "timer", || _ = time::after(time::HOUR).recv());
    go!(name = "ticker", || for _ in time::tick(time::HOUR) {});
    go!(name = "select", || select! { <-time::after(time::HOUR) => {} <-time::after(time::HOUR) => {} });
    go!(name = "sleeper", || time::sleep(time::HOUR));
    let ready = Chan::new();
    let sender = ready.sender();
    let _ = after_func(ms(50), move || sender.send(runtime::stack_dump()));
    println!("{}", ready.recv().unwrap());
}

/// So many sleep at once, with the same deadline and with different ones.
fn mass() {
    let n = 100_000_usize;
    let woken = Arc::new(AtomicUsize::new(0));
    let start = time::now();
    for i in 0..n {
        let woken = Arc::clone(&woken);
        go! {
            let d = if i % 2 == 0 { ms(300) } else { Duration::from_micros(i as u64 * 3) };
            let start = time::now();
            time::sleep(d);
            assert!(time::since(start) >= d);
            woken.fetch_add(1, Ordering::Relaxed);
        }
    }
    while woken.load(Ordering::Relaxed) != n {
        time::sleep(ms(1));
    }
    println!("{:?}", time::since(start));
}
