//! Storms of timers.
//!
//! What is armed is either received (called), or a stop or a reset says that it prevented that. So the numbers must agree, to
//! the last one, whatever the races were: `armed == fired + prevented`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use goconc::chan::Recv;
use goconc::sync::WaitGroup;
use goconc::time::{Duration, Ticker, Timer, after_func};
use goconc::{Chan, go, runtime, select, time};

use super::{Rng, SCALE, meanwhile, start, us};

/// An hour: nobody waits for it.
const LONG: Duration = time::HOUR;

/// What has happened to the timers of a storm.
#[derive(Debug, Default)]
struct Account {
    armed: AtomicUsize,
    fired: AtomicUsize,
    prevented: AtomicUsize,
}

impl Account {
    fn armed(&self) {
        self.armed.fetch_add(1, Ordering::Relaxed);
    }

    fn fired(&self) {
        self.fired.fetch_add(1, Ordering::Relaxed);
    }

    fn prevented(&self, was_armed: bool) {
        self.prevented.fetch_add(usize::from(was_armed), Ordering::Relaxed);
    }

    fn reset(&self, timer: &Timer, d: Duration) {
        self.armed();
        self.prevented(timer.reset(d));
    }

    fn stop(&self, timer: &Timer) {
        self.prevented(timer.stop());
    }

    /// Nothing is armed any more, and all functions have begun.
    fn balanced(&self) -> bool {
        let [fired, prevented] = [&self.fired, &self.prevented].map(|n| n.load(Ordering::Relaxed));
        fired + prevented == self.armed.load(Ordering::Relaxed)
    }
}

/// Runs `work(i)` for i in 0..n; every fourth on a plain thread.
fn in_parallel(n: usize, work: impl Fn(usize) + Clone + Send + 'static) {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..n {
        let work = work.clone();
        start(&wg, i % 4 == 3, move || work(i));
    }
    wg.wait();
}

/// Receives if the timer fires soon.
fn receive(account: &Account, c: &Recv<Instant>, patience: Duration) {
    select! {
        moment = <-c => {
            assert!(moment.unwrap() <= time::now());
            account.fired();
        }
        <-time::after(patience) => {}
    }
}

/// Goroutines and threads start, stop, reset, poll and wait for the same timers.
pub(super) fn timers() {
    let account = Arc::new(Account::default());
    let timers: Arc<Vec<_>> = Arc::new((0..20).map(|_| Timer::new(LONG)).collect());
    account.armed.store(timers.len(), Ordering::Relaxed);
    let work = {
        let (account, timers) = (Arc::clone(&account), Arc::clone(&timers));
        move |i| {
            let mut rng = Rng::new(i);
            for _ in 0..200 * SCALE {
                let timer = &timers[rng.below(timers.len() as u64) as usize];
                match rng.below(8) {
                    0 => account.stop(timer),
                    1 => account.reset(timer, LONG),
                    2 | 3 => account.reset(timer, us(rng.below(100))),
                    4 if timer.c.try_recv().is_ok() => account.fired(),
                    _ => receive(&account, &timer.c, us(rng.below(50))),
                }
            }
        }
    };
    in_parallel(16, work);
    timers.iter().for_each(|timer| account.stop(timer));
    assert!(account.balanced(), "{account:?}");
}

/// The same with functions, some of which arm their timer again.
pub(super) fn after_funcs() {
    let account = Arc::new(Account::default());
    let make = |account: &Arc<Account>| {
        let account = Arc::clone(account);
        let own = Chan::<Arc<Timer>>::with_capacity(1);
        let mine = own.clone();
        let mut rng = Rng::new(7);
        let timer = Arc::new(after_func(LONG, move || {
            account.fired();
            if rng.below(2) == 0
                && let Ok(timer) = mine.try_recv()
            {
                account.reset(&timer, us(rng.below(30)));
                mine.send(timer);
            }
        }));
        own.send(Arc::clone(&timer));
        (timer, own)
    };
    let timers: Arc<Vec<_>> = Arc::new((0..20).map(|_| make(&account)).collect());
    account.armed.store(timers.len(), Ordering::Relaxed);
    let work = {
        let (account, timers) = (Arc::clone(&account), Arc::clone(&timers));
        move |i| {
            let mut rng = Rng::new(i);
            for _ in 0..200 * SCALE {
                let (timer, _) = &timers[rng.below(timers.len() as u64) as usize];
                match rng.below(8) {
                    0 => account.stop(timer),
                    1 => account.reset(timer, LONG),
                    2..7 => account.reset(timer, us(rng.below(100))),
                    _ => time::sleep(us(rng.below(50))),
                }
            }
        }
    };
    in_parallel(16, work);
    // Those that run may still arm: not one that has nothing to take.
    for (_, own) in timers.iter() {
        own.recv();
    }
    timers.iter().for_each(|(timer, _)| account.stop(timer));
    while !account.balanced() {
        time::sleep(us(100)); // until the last ones have begun
    }
}

/// Many receivers of one ticker, whose interval somebody changes: no tick is received twice.
pub(super) fn tickers() {
    let ticker = Arc::new(Ticker::new(us(20)));
    let ticks = Chan::with_capacity(12 * 40 * SCALE);
    let work = {
        let (ticker, ticks) = (Arc::clone(&ticker), ticks.clone());
        move |i| {
            for n in 0..40 * SCALE {
                ticks.send(select! { moment = <-ticker.c => moment.unwrap() });
                if i == 0 {
                    ticker.reset(us([20, 50, 5, 100][n % 4]));
                }
            }
        }
    };
    in_parallel(12, work);
    assert_eq!(ticks.try_iter().collect::<BTreeSet<_>>().len(), ticks.cap());
}

/// Selects with a timeout: most in time, then most timed out.
pub(super) fn timeouts() {
    for (patience, each) in [(LONG, 200), (us(10), 40)] {
        let values = Chan::new();
        let received = Arc::new(AtomicUsize::new(0));
        let n = each * SCALE;
        let work = {
            let (values, received) = (values.clone(), Arc::clone(&received));
            move |i: usize| {
                let mut rng = Rng::new(i);
                for _ in 0..n {
                    if i.is_multiple_of(2) {
                        if patience != LONG {
                            time::sleep(us(rng.below(100)));
                        }
                        values.send(());
                        continue;
                    }
                    // Each receiver takes as many as one sender gives, however often it has to try.
                    while select! { <-values => false, <-time::after(patience) => true } {}
                    received.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        in_parallel(8, work);
        assert_eq!(received.load(Ordering::Relaxed), 4 * n);
    }
}

/// Very many sleep at once.
pub(super) fn sleepers() {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..12_500 * SCALE as u64 {
        wg.go(move || {
            let d = if i.is_multiple_of(2) { us(50_000) } else { us(i % 100_000) };
            let start = time::now();
            time::sleep(d);
            assert!(time::since(start) >= d);
        });
    }
    wg.wait();
}

/// Goroutines that have no stack while they sleep, while threads are locked, blocked, made and sent away, and dumps look at them.
pub(super) fn naps() {
    let before = runtime::gomaxprocs(0);
    let change = |i: usize| {
        runtime::gomaxprocs([1, 2, 4, 1, 3, 16][i % 6]);
        if i.is_multiple_of(8) {
            let dump = runtime::stack_dump();
            assert!(dump.is_empty() || dump.starts_with("goroutine "), "{dump}");
        }
        std::thread::sleep(us([0, 100, 1000][i % 3]));
    };
    meanwhile(change, || {
        let (wg, awake) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
        for i in 0..4 {
            wg.go(move || {
                runtime::lock_os_thread();
                let mut rng = Rng::new(i);
                for _ in 0..20 * SCALE {
                    time::sleep(us(rng.below(200)));
                    std::thread::sleep(us(rng.below(200)));
                }
                if i % 2 == 0 {
                    runtime::unlock_os_thread(); // the other threads end
                }
            });
        }
        let n = 1000 * SCALE as u64;
        for i in 0..n {
            wg.add(1);
            go!([wg, awake] {
                let d = Duration::from_micros(i * 7 % 20_000);
                let start = time::now();
                time::sleep(d);
                assert!(time::since(start) >= d);
                if i.is_multiple_of(16) {
                    runtime::gosched();
                }
                awake.fetch_add(1, Ordering::Relaxed);
                wg.done();
            });
        }
        receive_without_stacks(n as usize);
        wg.wait();
        assert_eq!(awake.load(Ordering::Relaxed), n as usize);
    });
    runtime::gomaxprocs(before);
}

/// As many begin with a receive as values are sent, and then as many again, which a close wakes.
fn receive_without_stacks(n: usize) {
    let wg = Arc::new(WaitGroup::new());
    let (values, sum) = (Chan::with_capacity(8), Arc::new(AtomicUsize::new(0)));
    for i in 0..n {
        wg.add(2);
        go!([wg, values, sum] {
            let v = values.recv();
            sum.fetch_add(v.unwrap_or_default(), Ordering::Relaxed);
            wg.done();
        });
        let send = {
            let (wg, values) = (Arc::clone(&wg), values.clone());
            move || {
                values.send(1_usize);
                wg.done();
            }
        };
        if i % 64 == 0 {
            std::thread::spawn(send);
        } else {
            go!(send());
        }
    }
    wg.wait();
    for _ in 0..n {
        wg.add(1);
        go!([wg, values, sum] {
            let v = values.recv();
            sum.fetch_add(v.unwrap_or(1), Ordering::Relaxed);
            wg.done();
        });
    }
    values.close();
    wg.wait();
    assert_eq!(sum.load(Ordering::Relaxed), 2 * n);
}

/// Timers of all kinds while there are more and fewer processors, and goroutines that have their thread for themselves.
pub(super) fn timers_while_gomaxprocs_changes() {
    let before = runtime::gomaxprocs(0);
    let change = |i: usize| {
        runtime::gomaxprocs([1, 2, 4, 1, 3, 16][i % 6]);
        std::thread::sleep(us([0, 100, 1000][i % 3]));
    };
    meanwhile(change, || {
        let wg = Arc::new(WaitGroup::new());
        for i in 0..4 {
            wg.go(move || {
                runtime::lock_os_thread();
                let mut rng = Rng::new(i);
                for _ in 0..20 * SCALE {
                    time::sleep(us(rng.below(200)));
                    time::after(us(rng.below(200))).recv();
                }
            });
        }
        timers();
        after_funcs();
        tickers();
        timeouts();
        wg.wait();
    });
    runtime::gomaxprocs(before);
}
