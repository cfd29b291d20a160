//! The hot paths whose instructions are counted.
//!
//! All of them run on one P without a wait for anything outside, so that each does the same every time.

use std::array;
use std::thread;
use std::time::{Duration, Instant};

use goconc::runtime::{self, Migration};
use goconc::sync::WaitGroup;
use goconc::{Chan, go, select, time};

use super::trace;

/// So many operations are counted, and then twice as many. Now and then a pick of the scheduler does more than the others,
/// one of some 450 while goroutines stay for a short time: most stretches have none of these.
pub(super) const N: usize = 64;
/// How often both are counted.
pub(super) const ROUNDS: usize = 3;
/// What a child does before it is counted: until then goroutines are made that are reused later.
const WARM_UP: usize = 1000;

/// One hot path.
#[derive(Debug)]
pub(crate) struct Path {
    /// In the table and the file.
    pub(crate) name: &'static str,
    /// Does so many operations.
    run: fn(usize),
}

impl Path {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Result<&'static Path, String> {
        let found = PATHS.iter().find(|path| path.name == name);
        found.ok_or(format!("no hot path is called {name}"))
    }
}

/// All of them, in the order of the table.
pub(super) static PATHS: &[Path] = &[
    Path { name: "spawn_exit", run: spawn_exit },
    Path { name: "spawn_one_wait", run: spawn_one_wait },
    Path { name: "gosched", run: gosched },
    Path { name: "gosched_2", run: gosched_two },
    Path { name: "unbuf_message", run: |n| message(0, n) },
    Path { name: "unbuf_round_trip", run: round_trip },
    Path { name: "buf8_message", run: |n| message(8, n) },
    Path { name: "buf1_send_recv", run: same_goroutine },
    Path { name: "select2_recv_unbuf", run: select_two },
    Path { name: "select_default_miss", run: select_default },
    Path { name: "select8_ready", run: select_eight },
    Path { name: "select_timeout_hit", run: select_timeout },
    Path { name: "timer_new_stop", run: timer_new_stop },
];

/// The inside of a child: warms up until nothing is new any more, then runs `path` in stretches for the parent to count.
pub(crate) fn child(path: &'static Path) {
    goconc::run(|| {
        settle();
        (path.run)(WARM_UP);
        trace::attach();
        trace::mark();
        for _ in 0..ROUNDS {
            (path.run)(N);
            trace::mark();
            (path.run)(2 * N);
            trace::mark();
        }
        trace::detach();
    });
}

/// Waits until it is decided whether goroutines may move: until then parking costs more.
fn settle() {
    let start = Instant::now();
    let policy = || match runtime::migration() {
        Migration::Moving => String::new(),
        Migration::Sticky { why } => why,
    };
    let at_first = policy();
    while policy() == at_first && start.elapsed() < Duration::from_millis(200) {
        thread::sleep(Duration::from_millis(1));
    }
}

fn spawn_exit(n: usize) {
    static WG: WaitGroup = WaitGroup::new();
    WG.add(n as isize);
    for _ in 0..n {
        go! { WG.done() }
    }
    WG.wait();
}

fn spawn_one_wait(n: usize) {
    for _ in 0..n {
        let c = Chan::<()>::new();
        go!([c] { c.close() });
        c.recv();
    }
}

fn gosched(n: usize) {
    for _ in 0..n {
        runtime::gosched();
    }
}

/// Two goroutines in turn; an operation is a yield of each.
fn gosched_two(n: usize) {
    go!(move || gosched(n));
    gosched(n);
}

/// From one goroutine to another. A small buffer, so that both sides also wait.
fn message(capacity: usize, n: usize) {
    let a = Chan::with_capacity(capacity);
    go!([a] {
        for i in 0..n {
            a.send(i);
        }
        a.close();
    });
    while a.recv().is_some() {}
}

fn round_trip(n: usize) {
    let (a, b) = (Chan::new(), Chan::new());
    go!([a, b] {
        for v in &a {
            b.send(v);
        }
    });
    for i in 0..n {
        a.send(i);
        b.recv();
    }
    a.close();
}

/// A send and a receive.
fn same_goroutine(n: usize) {
    let a = Chan::with_capacity(1);
    for i in 0..n {
        a.send(i);
        a.recv();
    }
}

/// In source order, as the random one would make the counts differ.
fn select_two(n: usize) {
    let (a, b, done) = (Chan::new(), Chan::<usize>::new(), Chan::<()>::new());
    go!([a] {
        for i in 0..n {
            a.send(i);
        }
    });
    for _ in 0..n {
        select! {
            biased;
            <-done => {}
            <-b => {}
            <-a => {}
        }
    }
}

fn select_default(n: usize) {
    let a = Chan::<usize>::new();
    for _ in 0..n {
        select! {
            <-a => {}
            default => {}
        }
    }
}

/// A send and a select.
fn select_eight(n: usize) {
    let c: [Chan<usize>; 8] = array::from_fn(|_| Chan::with_capacity(1));
    for i in 0..n {
        c[i & 7].send(i);
        select! {
            <-c[0] => {}
            <-c[1] => {}
            <-c[2] => {}
            <-c[3] => {}
            <-c[4] => {}
            <-c[5] => {}
            <-c[6] => {}
            <-c[7] => {}
        }
    }
}

/// A send and a select. The timers are still there when the child ends.
fn select_timeout(n: usize) {
    let a = Chan::with_capacity(1);
    for i in 0..n {
        a.send(i);
        select! {
            <-a => {}
            <-time::after(time::HOUR) => {}
        }
    }
}

fn timer_new_stop(n: usize) {
    for _ in 0..n {
        time::Timer::new(time::HOUR).stop();
    }
}
