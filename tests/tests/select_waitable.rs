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
