//! Everything at once, many times: storms that a test runs for a moment and `src/bin/stress.rs` for as long as one likes.
//!
//! Each storm runs on a plain thread, checks its own arithmetic, and leaves no goroutine behind.

mod select;
mod timers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goconc::chan::{TryRecvError, TrySendError};
use goconc::sync::WaitGroup;
use goconc::{Chan, go, runtime, time};

use crate::watchdog::guarded;

/// Less in a debug build.
const SCALE: usize = if cfg!(debug_assertions) { 1 } else { 8 };

/// A storm and its name.
pub type Storm = (&'static str, fn());

/// All of them.
pub const STORMS: &[Storm] = &[
    ("capacities", capacities),
    ("mixed_threads", mixed_threads),
    ("plain_ping_pong", plain_ping_pong),
    ("close_races", close_races),
    ("try_races", try_races),
    ("boxes", boxes),
    ("spawn_goroutines", spawn_goroutines),
    ("spawn_threads", spawn_threads),
    ("spawn_tree", spawn_tree),
    ("gosched", gosched),
    ("gomaxprocs", gomaxprocs),
    ("blocking", blocking),
    ("syscalls", syscalls),
    ("lock_os_thread", lock_os_thread),
    ("ended_locked", ended_locked),
    ("sleep", sleep),
    ("scope", scope),
    ("join", join),
    ("wait_group", wait_group),
    ("pin", pin),
    ("panics", panics),
    ("goexits", goexits),
    ("dumps", dumps),
    ("idle_and_wake", idle_and_wake),
    ("timers", timers::timers),
    ("after_funcs", timers::after_funcs),
    ("tickers", timers::tickers),
    ("timeouts", timers::timeouts),
    ("sleepers", timers::sleepers),
    ("naps", timers::naps),
    ("timers_while_gomaxprocs_changes", timers::timers_while_gomaxprocs_changes),
    ("select_merge", select::merge),
    ("select_random", select::random),
    ("select_both_directions", select::both_directions),
    ("select_timeouts", select::timeouts),
    ("select_waitables", select::waitables),
    ("select_closing", select::closing),
    ("everything", everything),
];

/// Runs a storm under a watchdog.
///
/// # Panics
/// The storm found something wrong.
pub fn run(name: &str, storm: fn()) {
    let start = Instant::now();
    guarded(name, storm);
    println!("{name}: {:?}", start.elapsed());
}

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Cheap random numbers, as each goroutine has its own.
#[derive(Debug)]
struct Rng(u64);

impl Rng {
    fn new(seed: usize) -> Rng {
        Rng(seed as u64 * 2 + 0x9E37_79B9_7F4A_7C15)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

/// Producers and consumers over one channel; `plain` of each are threads.
fn produce_and_consume(capacity: usize, producers: usize, consumers: usize, each: usize, plain: usize) {
    let ch = Chan::<u64>::with_capacity(capacity);
    let (sum, count) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let (sending, receiving) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
    for i in 0..consumers {
        let (ch, sum, count) = (ch.clone(), Arc::clone(&sum), Arc::clone(&count));
        let consume = move || {
            let mut last = vec![0; producers];
            for v in &ch {
                let producer = (v >> 32) as usize;
                assert!(v > last[producer], "one producer's values come in order");
                last[producer] = v;
                sum.fetch_add(v, Ordering::Relaxed);
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        start(&receiving, i < plain, consume);
    }
    for i in 0..producers {
        let ch = ch.clone();
        let produce = move || (1..=each).for_each(|n| ch.send((i as u64) << 32 | n as u64));
        start(&sending, i < plain, produce);
    }
    sending.wait();
    ch.close();
    receiving.wait();
    let (n, p) = (each as u64, producers as u64);
    let expected = p * (n * (n + 1) / 2) + ((p * (p - 1) / 2) << 32) * n;
    assert_eq!(count.load(Ordering::Relaxed), producers * each);
    assert_eq!(sum.load(Ordering::Relaxed), expected);
}

fn start(wg: &Arc<WaitGroup>, plain: bool, f: impl FnOnce() + Send + 'static) {
    if plain {
        wg.add(1);
        let wg = Arc::clone(wg);
        thread::spawn(move || {
            f();
            wg.done();
        });
    } else {
        wg.go(f);
    }
}

fn capacities() {
    for capacity in [0, 1, 2, 7, 10, 100, 1000] {
        for (producers, consumers) in [(1, 1), (4, 4), (16, 2), (2, 16)] {
            produce_and_consume(capacity, producers, consumers, 100 * SCALE, 0);
        }
    }
}

fn mixed_threads() {
    for capacity in [0, 1, 10] {
        produce_and_consume(capacity, 8, 8, 40 * SCALE, 4);
        produce_and_consume(capacity, 4, 4, 40 * SCALE, 4);
    }
}

fn plain_ping_pong() {
    let (ping, pong) = (Chan::new(), Chan::new());
    go!([ping, pong] {
        for v in &ping {
            pong.send(v + 1);
        }
        pong.close();
    });
    for i in 0..300 * SCALE {
        ping.send(i);
        assert_eq!(pong.recv(), Some(i + 1));
    }
    ping.close();
    assert_eq!(pong.recv(), None);
}

/// Senders and receivers of all kinds while somebody closes the channel: no value is lost or comes twice.
fn close_races() {
    for round in 0..60 * SCALE {
        let ch = Chan::<Arc<()>>::with_capacity(round % 4);
        let token = Arc::new(());
        let (sent, received) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let wg = Arc::new(WaitGroup::new());
        for i in 0..8 {
            let plain = i == 7 && round % 8 == 0;
            let (out, token, sent) = (ch.sender(), Arc::clone(&token), Arc::clone(&sent));
            start(&wg, plain, move || {
                while out.checked_send(Arc::clone(&token)).is_ok() {
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
            let (input, received) = (ch.receiver(), Arc::clone(&received));
            start(&wg, plain, move || {
                for _ in &input {
                    received.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        if round % 3 == 0 {
            thread::yield_now();
        } else {
            thread::sleep(us(round as u64 % 50));
        }
        let closer = || {
            let ch = ch.clone();
            goconc::spawn(move || ch.checked_close().is_ok())
        };
        let closed = [closer(), closer(), closer(), closer()].map(|handle| handle.join().unwrap());
        assert_eq!(closed.iter().filter(|&&closed| closed).count(), 1);
        wg.wait();
        assert_eq!(sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed));
        assert_eq!((ch.recv().is_none(), ch.len()), (true, 0));
        // The threads' clones may be dropped a moment after they have counted off.
        while Arc::strong_count(&token) > 1 {
            thread::yield_now();
        }
    }
}

/// Non-blocking operations against blocking ones.
fn try_races() {
    for capacity in [0, 1, 5] {
        let ch = Chan::with_capacity(capacity);
        let (n, wg) = (200 * SCALE, Arc::new(WaitGroup::new()));
        let received = Arc::new(AtomicUsize::new(0));
        let sending = Arc::new(WaitGroup::new());
        for i in 0..4 {
            let out = ch.sender();
            start(&sending, i == 3, move || {
                for k in 0..n {
                    let mut v = k;
                    if k % 2 == 0 {
                        out.send(v);
                        continue;
                    }
                    loop {
                        match out.try_send(v) {
                            Ok(()) => break,
                            Err(TrySendError::Full(back)) => v = back,
                            Err(TrySendError::Closed(_)) => panic!("closed too early"),
                        }
                        runtime::gosched();
                    }
                }
            });
            let (input, received) = (ch.receiver(), Arc::clone(&received));
            start(&wg, i == 3, move || {
                loop {
                    match input.try_recv() {
                        Ok(_) => _ = received.fetch_add(1, Ordering::Relaxed),
                        Err(TryRecvError::Closed) => break,
                        Err(TryRecvError::Empty) => match input.recv() {
                            Some(_) => _ = received.fetch_add(1, Ordering::Relaxed),
                            None => break,
                        },
                    }
                }
            });
        }
        sending.wait();
        ch.close();
        wg.wait();
        assert_eq!(received.load(Ordering::Relaxed), 4 * n);
    }
}

/// Values that own memory, and large ones: a value torn or dropped twice would show.
fn boxes() {
    for capacity in [0, 3] {
        let ch = Chan::<(Box<u64>, [u64; 20])>::with_capacity(capacity);
        let (sending, wg) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
        for i in 0..6 {
            let (out, input) = ch.clone().split();
            start(&sending, i == 0, move || {
                (0..100 * SCALE as u64).for_each(|k| out.send((Box::new(k), [k; 20])));
            });
            start(&wg, i == 0, move || {
                for (boxed, array) in input {
                    assert!(array.iter().all(|&v| v == *boxed));
                }
            });
        }
        sending.wait();
        ch.close();
        wg.wait();
    }
}

fn spawn_goroutines() {
    let (wg, n) = (Arc::new(WaitGroup::new()), 2000 * SCALE);
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let (inner, ran) = (Arc::clone(&wg), Arc::clone(&ran));
        wg.go(move || {
            for _ in 0..n {
                let ran = Arc::clone(&ran);
                inner.go(move || _ = ran.fetch_add(1, Ordering::Relaxed));
            }
        });
    }
    wg.wait();
    assert_eq!(ran.load(Ordering::Relaxed), 4 * n);
}

fn spawn_threads() {
    let ran = Arc::new(AtomicUsize::new(0));
    let n = 500 * SCALE;
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let wg = Arc::new(WaitGroup::new());
                for _ in 0..n {
                    let ran = Arc::clone(&ran);
                    wg.go(move || _ = ran.fetch_add(1, Ordering::Relaxed));
                }
                wg.wait();
            });
        }
    });
    assert_eq!(ran.load(Ordering::Relaxed), 4 * n);
}

fn spawn_tree() {
    fn grow(wg: &Arc<WaitGroup>, leaves: &Arc<AtomicUsize>, depth: u32) {
        if depth == 0 {
            leaves.fetch_add(1, Ordering::Relaxed);
            return;
        }
        for _ in 0..4 {
            let (inner, leaves) = (Arc::clone(wg), Arc::clone(leaves));
            wg.go(move || grow(&inner, &leaves, depth - 1));
        }
    }
    let (wg, leaves, depth) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)), 6);
    for _ in 0..SCALE {
        grow(&wg, &leaves, depth);
    }
    wg.wait();
    assert_eq!(leaves.load(Ordering::Relaxed), SCALE * 4_usize.pow(depth));
}

fn gosched() {
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..50 {
        wg.go(|| (0..200 * SCALE).for_each(|_| runtime::gosched()));
    }
    (0..100).for_each(|_| runtime::gosched());
    wg.wait();
}

/// Calls `f` again and again on a plain thread while `work` runs.
fn meanwhile(mut f: impl FnMut(usize) + Send, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            for i in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                f(i);
            }
        });
        work();
        stop.store(true, Ordering::Relaxed);
    });
}

fn gomaxprocs() {
    let before = runtime::gomaxprocs(0);
    let change = |i: usize| {
        runtime::gomaxprocs([1, 2, 4, 1, 3, 16][i % 6]);
        thread::sleep(us([0, 100, 1000][i % 3]));
    };
    meanwhile(change, || {
        produce_and_consume(0, 4, 4, 100 * SCALE, 1);
        produce_and_consume(10, 4, 4, 100 * SCALE, 1);
        spawn_goroutines();
        gosched();
        sleep();
        blocking();
        lock_os_thread();
    });
    runtime::gomaxprocs(before);
    assert_eq!(runtime::gomaxprocs(0), before);
}

fn blocking() {
    let (wg, sum) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
    for i in 0..32 {
        let sum = Arc::clone(&sum);
        wg.go(move || {
            for k in 0..2 * SCALE {
                let local = i + k;
                let got = runtime::blocking(|| {
                    thread::sleep(us(50 * (k as u64 % 3)));
                    local
                });
                sum.fetch_add(got - k, Ordering::Relaxed);
            }
        });
    }
    wg.wait();
    assert_eq!(sum.load(Ordering::Relaxed), (0..32).sum::<usize>() * 2 * SCALE);
}

/// System calls and computation without a word to the scheduler, beside goroutines that are quick.
fn syscalls() {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..12 {
        wg.go(move || {
            let mut rng = Rng::new(i);
            for _ in 0..SCALE {
                match rng.below(3) {
                    0 => thread::sleep(us(rng.below(3000))),
                    1 => spin(us(rng.below(2000))),
                    _ => runtime::gosched(),
                }
            }
        });
    }
    produce_and_consume(0, 4, 4, 50 * SCALE, 0);
    wg.wait();
}

fn spin(d: Duration) {
    let start = Instant::now();
    while start.elapsed() < d {
        std::hint::spin_loop();
    }
}

fn lock_os_thread() {
    let (wg, ch) = (Arc::new(WaitGroup::new()), Chan::new());
    for i in 0..16 {
        let ch = ch.clone();
        wg.go(move || {
            for k in 0..10 * SCALE {
                runtime::lock_os_thread();
                let thread = thread::current().id();
                if i % 2 == 0 {
                    ch.send(k)
                } else {
                    _ = ch.recv()
                }
                runtime::gosched();
                assert_eq!(thread::current().id(), thread);
                runtime::unlock_os_thread();
            }
        });
    }
    wg.wait();
}

fn ended_locked() {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..20 {
        let inner = Arc::clone(&wg);
        wg.go(move || {
            runtime::lock_os_thread();
            inner.go(runtime::gosched);
            if i % 2 == 0 {
                time::sleep(us(100));
            }
        });
    }
    wg.wait();
    produce_and_consume(0, 4, 4, 10 * SCALE, 0);
}

fn sleep() {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..100 {
        wg.go(move || {
            let mut rng = Rng::new(i);
            for _ in 0..2 * SCALE {
                let (start, d) = (Instant::now(), us(rng.below(1500)));
                time::sleep(d);
                assert!(start.elapsed() >= d);
            }
        });
    }
    wg.wait();
}

fn scope() {
    fn sum(numbers: &[u64]) -> u64 {
        if numbers.len() < 3 {
            return numbers.iter().sum();
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        let (mut a, mut b) = (0, 0);
        goconc::scope(|s| {
            s.go(|| a = sum(left));
            s.go(|| b = sum(right));
        });
        a + b
    }
    let numbers: Vec<_> = (0..300 * SCALE as u64).collect();
    assert_eq!(sum(&numbers), numbers.iter().sum::<u64>());
    let total = numbers.iter().sum::<u64>();
    assert_eq!(goconc::run(move || sum(&numbers)), total);
}

fn join() {
    fn fibonacci(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let left = goconc::spawn(move || fibonacci(n - 1));
        let right = fibonacci(n - 2);
        left.join().unwrap() + right
    }
    let n = if cfg!(debug_assertions) { 14 } else { 19 };
    let handles: Vec<_> = (0..3).map(|_| goconc::spawn(move || fibonacci(n))).collect();
    let values: Vec<_> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    assert!(values.iter().all(|&v| v == if n == 14 { 377 } else { 4181 }));
}

fn wait_group() {
    for round in 0..50 * SCALE {
        let (wg, n) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
        for i in 0..4 {
            let n = Arc::clone(&n);
            start(&wg, i == 0 && round % 10 == 0, move || _ = n.fetch_add(1, Ordering::Relaxed));
        }
        let waiters = Arc::new(WaitGroup::new());
        for i in 0..4 {
            let (wg, n) = (Arc::clone(&wg), Arc::clone(&n));
            start(&waiters, i == 0 && round % 10 == 0, move || {
                wg.wait();
                assert_eq!(n.load(Ordering::Relaxed), 4);
            });
        }
        waiters.wait();
    }
}

fn pin() {
    let (wg, ch) = (Arc::new(WaitGroup::new()), Chan::with_capacity(1));
    for _ in 0..16 {
        let ch = ch.clone();
        wg.go(move || {
            for k in 0..20 * SCALE {
                runtime::pin(|| {
                    let thread = thread::current().id();
                    ch.send(k);
                    runtime::gosched();
                    assert_eq!(thread::current().id(), thread);
                });
                ch.recv();
            }
        });
    }
    wg.wait();
}

/// Panics that are caught, some while others are parked in destructors.
fn panics() {
    struct Yield;
    impl Drop for Yield {
        fn drop(&mut self) {
            runtime::gosched();
            time::sleep(us(10));
        }
    }
    let handles = (0..20 * SCALE).map(|i| {
        goconc::spawn(move || {
            let _yield = Yield;
            if i % 2 == 0 {
                std::panic::panic_any(i);
            }
            i
        })
    });
    for (i, handle) in handles.collect::<Vec<_>>().into_iter().enumerate() {
        match handle.join() {
            Ok(v) => assert_eq!((v, v % 2), (i, 1)),
            Err(error) => {
                assert_eq!(error.message(), i.to_string());
                assert_eq!(error.into_payload().downcast_ref(), Some(&i));
            }
        }
    }
}

fn goexits() {
    let (wg, ch) = (Arc::new(WaitGroup::new()), Chan::new());
    let n = 50 * SCALE;
    for i in 0..n {
        let ch = ch.clone();
        wg.go(move || {
            struct Tell(Chan<usize>, usize);
            impl Drop for Tell {
                fn drop(&mut self) {
                    self.0.send(self.1);
                }
            }
            let _tell = Tell(ch, i);
            if i % 2 == 0 {
                runtime::goexit();
            }
        });
    }
    let got: usize = (0..n).filter_map(|_| ch.recv()).sum();
    wg.wait();
    assert_eq!(got, n * (n - 1) / 2);
}

/// Dumps and metrics while everything runs.
fn dumps() {
    let look = |i: usize| {
        if i.is_multiple_of(2) {
            let dump = runtime::stack_dump();
            assert!(dump.is_empty() || dump.starts_with("goroutine "), "{dump}");
        } else {
            assert!(runtime::metrics().gomaxprocs >= 1);
        }
        thread::sleep(us(300));
    };
    meanwhile(look, || {
        produce_and_consume(0, 8, 8, 50 * SCALE, 1);
        spawn_goroutines();
        join();
    });
}

/// All sleep, one wakes them, again and again: a lost wake-up would hang.
fn idle_and_wake() {
    let ch = Chan::new();
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..4 {
        let ch = ch.clone();
        wg.go(move || for _ in &ch {});
    }
    let mut rng = Rng::new(1);
    for i in 0..60 * SCALE {
        ch.send(i);
        match rng.below(4) {
            0 => thread::sleep(us(rng.below(200))),
            1 => spin(us(rng.below(60))),
            2 => wg.go(|| time::sleep(us(20))),
            _ => {}
        }
    }
    ch.close();
    wg.wait();
}

fn everything() {
    thread::scope(|s| {
        let storms: [fn(); 12] = [
            mixed_threads,
            close_races,
            spawn_tree,
            gosched,
            blocking,
            syscalls,
            lock_os_thread,
            sleep,
            scope,
            goexits,
            timers::timers,
            timers::timeouts,
        ];
        for storm in storms {
            s.spawn(storm);
        }
    });
}
