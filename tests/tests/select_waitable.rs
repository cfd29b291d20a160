//! Arms of a select that are no channels: `chan::Waitable`.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::{guarded, ms};
use goconc::chan::{Waitable, Waiters};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// A semaphore.
#[derive(Default)]
struct Permits {
    free: AtomicUsize,
    waiters: Waiters,
    /// How often it was asked.
    asked: AtomicUsize,
    /// Panics when it is asked.
    broken: std::sync::atomic::AtomicBool,
}

impl Permits {
    fn release(&self) {
        self.free.fetch_add(1, SeqCst);
        self.waiters.wake_one();
    }

    fn acquire(&self) {
        self.waiters.wait_until(|| self.try_take());
    }
}

impl Waitable for Permits {
    type Output = &'static str;

    fn try_take(&self) -> Option<&'static str> {
        self.asked.fetch_add(1, SeqCst);
        assert!(!self.broken.load(SeqCst), "broken");
        self.free.fetch_update(SeqCst, SeqCst, |free| free.checked_sub(1)).ok().map(|_| "permit")
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }
}

/// Its value is bound as it is, in all forms; alone, with a default, by reference, and shared.
#[test]
fn forms() {
    let permits = Arc::new(Permits::default());
    let never = Chan::<i32>::new();
    (0..6).for_each(|_| permits.release());
    assert_eq!(select! { v = <-permits => v }, "permit");
    assert_eq!(select! { v := <-*permits => v, default => "none" }, "permit");
    assert_eq!(select! { v, ok := <-&permits => (v, ok), <-never => unreachable!() }, ("permit", true));
    assert_eq!(select! { v = <-permits => v, <-never => unreachable!(), default => "none" }, "permit");
    select! { biased; <-never => unreachable!(), <-permits => {} }
    select! { <-permits => {} }
    assert_eq!(select! { v = <-permits => v, default => "none" }, "none");
    assert_eq!(select! { v = <-permits => v, <-never => unreachable!(), default => "none" }, "none");
    assert_eq!(select! { v = <-permits, if false => v, default => "none" }, "none");
}

/// A select that waits for it is woken, beside one that waits for nothing else, goroutine and thread.
#[test]
fn wakes() {
    let permits = Arc::new(Permits::default());
    let never = Chan::<()>::new();
    let got = Arc::new(AtomicUsize::new(0));
    let wg = Arc::new(WaitGroup::new());
    for i in 0..6 {
        let (permits, never, got) = (Arc::clone(&permits), never.clone(), Arc::clone(&got));
        let body = move || {
            match i % 3 {
                0 => permits.acquire(),
                1 => select! { <-permits => {}, <-never => {} },
                _ => select! { <-permits => {} },
            }
            got.fetch_add(1, SeqCst);
        };
        if i < 3 {
            wg.add(1);
            let wg = Arc::clone(&wg);
            std::thread::spawn(move || {
                body();
                wg.done();
            });
        } else {
            wg.go(body);
        }
    }
    std::thread::sleep(ms(30));
    assert_eq!(got.load(SeqCst), 0);
    for _ in 0..6 {
        permits.release();
    }
    guarded("wakes", || wg.wait());
}

/// A wake-up is not spent on a select that another arm has won: the next in the list gets it.
#[test]
fn a_wake_up_is_not_lost_with_another_arm() {
    for _ in 0..if cfg!(debug_assertions) { 200 } else { 5_000 } {
        let (permits, ch) = (Arc::new(Permits::default()), Chan::new());
        let (theirs, other) = (Arc::clone(&permits), ch.clone());
        let both = goconc::spawn(move || select! { <-theirs => 'p', <-other => 'c' });
        let theirs = Arc::clone(&permits);
        let only = goconc::spawn(move || theirs.acquire());
        go!([ch] ch.send(()));
        permits.release();
        // One permit: `both` gets the value or the permit. If it gets the permit, `only` needs another one.
        if guarded("both", || both.join().unwrap()) == 'p' {
            permits.release();
            ch.recv();
        }
        guarded("only", || only.join().unwrap());
    }
}

/// Many selects and few permits, with and without others waiting for them alone: none is left over.
#[test]
fn wake_all() {
    let permits = Arc::new(Permits::default());
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..20 {
        let (permits, never) = (Arc::clone(&permits), Chan::<()>::new());
        wg.go(move || select! { <-permits => {}, <-never => {} });
    }
    std::thread::sleep(ms(10));
    permits.free.fetch_add(20, SeqCst);
    permits.waiters.wake_all();
    guarded("wake_all", || wg.wait());
    assert_eq!(permits.free.load(SeqCst), 0);
}

/// A panic of what is asked comes out of the select; a wake-up that it could not use goes to the next.
#[test]
fn panics_pass_the_wake_up_on() {
    let permits = Arc::new(Permits::default());
    let never = Chan::<()>::new();
    let (theirs, nothing) = (Arc::clone(&permits), never.clone());
    let first = goconc::spawn(move || select! { <-theirs => {}, <-nothing => {} });
    while permits.asked.load(SeqCst) == 0 {
        std::thread::sleep(ms(1));
    }
    std::thread::sleep(ms(20));
    permits.broken.store(true, SeqCst);
    let theirs = Arc::clone(&permits);
    let second = goconc::spawn(move || {
        theirs.waiters.wait_until(|| theirs.free.load(SeqCst).checked_sub(1));
    });
    std::thread::sleep(ms(20));
    permits.release();
    assert_eq!(guarded("first", || first.join()).unwrap_err().message(), "broken");
    guarded("second", || second.join().unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| select! { <-permits => {}, <-never => {} })).is_err());
}

/// The choice between it and a channel is even.
#[test]
fn fairness() {
    const ROUNDS: usize = 10_000;
    let (permits, ch) = (Permits::default(), Chan::with_capacity(1));
    let mut count = 0;
    for _ in 0..ROUNDS {
        if permits.free.load(SeqCst) == 0 {
            permits.release();
        }
        _ = ch.try_send(());
        count += select! { <-permits => 1, <-ch => 0 };
    }
    let sigma = (ROUNDS as f64 / 4.0).sqrt();
    assert!((f64::from(count) - ROUNDS as f64 / 2.0).abs() < 10.0 * sigma, "{count}");
}

/// The result of a goroutine as an arm: it is taken once.
#[test]
fn join_handle() {
    let (ch, go_on) = (Chan::<i32>::new(), Chan::<()>::new());
    let theirs = go_on.clone();
    let handle = goconc::spawn(move || {
        theirs.recv();
        5
    });
    assert!(select! { _ = <-handle => false, <-ch => false, default => true });
    let waiter =
        goconc::spawn(move || select! { result = <-handle => (result.unwrap(), handle), <-ch => panic!() });
    std::thread::sleep(ms(10));
    go_on.close();
    let (value, handle) = guarded("join_handle", || waiter.join().unwrap());
    assert_eq!(value, 5);
    assert!(select! { _ = <-handle => false, default => true }, "it is taken once");
    let twice = goconc::spawn(move || handle.join().unwrap()).join().unwrap_err();
    assert_eq!(twice.message(), "join: a select has taken the result");

    let panics = goconc::spawn(|| -> i32 { panic!("oh") });
    let error = select! { result = <-panics => result.unwrap_err() };
    assert_eq!(error.message(), "oh");
    let joined = goconc::spawn(|| 6);
    assert!(select! { biased; default => true, _ = <-joined, if false => false });
    assert_eq!(joined.join().unwrap(), 6, "a select that took nothing leaves it");
}

/// A WaitGroup as an arm: ready while the counter is zero, in all forms; `wait` beside it is not disturbed.
#[test]
fn wait_group() {
    let (wg, never) = (Arc::new(WaitGroup::new()), Chan::<()>::new());
    assert!(select! { <-wg => true, <-never => false });
    select! { () = <-wg => {} }
    assert!(select! { <-*wg => true, default => false });
    wg.add(2);
    assert!(!select! { <-wg => true, default => false });
    assert!(!select! { <-wg => true, <-never => true, default => false });
    assert!(!select! { <-wg, if false => true, default => false });
    wg.done();
    let selects: Vec<_> = (0..4)
        .map(|i| {
            let (wg, never) = (Arc::clone(&wg), never.clone());
            goconc::spawn(move || match i % 3 {
                0 => wg.wait(),
                1 => select! { <-wg => {} },
                _ => select! { <-wg => {}, <-never => {} },
            })
        })
        .collect();
    let theirs = Arc::clone(&wg);
    let thread =
        std::thread::spawn(move || select! { <-theirs => {}, <-time::after(time::HOUR) => panic!() });
    std::thread::sleep(ms(20));
    assert!(!thread.is_finished());
    wg.done();
    guarded("thread", || thread.join().unwrap());
    for select in selects {
        guarded("select", || select.join().unwrap());
    }
    assert!(select! { biased; <-wg => true, default => false }, "it stays ready");
}

/// A select that lost with the group, and one that was polled, leave nothing behind: the group is used again and again.
#[test]
fn wait_group_again_and_again() {
    let wg = Arc::new(WaitGroup::new());
    let (ch, never) = (Chan::with_capacity(1), Chan::<()>::new());
    for round in 0..if cfg!(debug_assertions) { 200 } else { 5_000 } {
        wg.add(1);
        assert!(!select! { <-wg => true, default => false });
        ch.send(());
        select! { <-ch => {}, <-wg => panic!("it is not zero") }
        wg.add(1); // beside the bit that was left: no misuse
        wg.add(-1);
        let theirs = Arc::clone(&wg);
        wg.go(move || theirs.done());
        match round % 3 {
            0 => guarded("round", || select! { <-wg => {}, <-never => {} }),
            1 => guarded("round", || select! { <-wg => {} }),
            _ => guarded("round", || wg.wait()),
        }
    }
}

/// Others add and are done while a select waits: no wake-up is lost, and `add` is no misuse, as nobody is in `wait`.
#[test]
fn wait_group_in_use() {
    let wg = Arc::new(WaitGroup::new());
    let stop = Chan::<()>::new();
    wg.add(1);
    let users = Arc::new(WaitGroup::new());
    for _ in 0..2 {
        let (wg, stop) = (Arc::clone(&wg), stop.clone());
        users.go(move || {
            while select! { <-stop => false, default => true } {
                wg.add(1);
                runtime::gosched();
                wg.done();
                runtime::gosched(); // a select that was woken now finds the zero
            }
        });
    }
    for _ in 0..if cfg!(debug_assertions) { 100 } else { 2_000 } {
        let theirs = Arc::clone(&wg);
        let select = goconc::spawn(move || select! { <-theirs => {}, <-time::after(time::HOUR) => panic!() });
        runtime::gosched();
        wg.done(); // from here on the counter is zero now and then
        guarded("select", || select.join().unwrap());
        wg.add(1);
    }
    stop.close();
    guarded("users", || users.wait());
}
