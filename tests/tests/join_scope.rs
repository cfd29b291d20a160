//! `spawn(..).join()`, `run`, `scope`.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{guarded, ms, panic_text};
use goconc::prelude::*;

#[test]
fn join_gives_the_result() {
    assert_eq!(goconc::spawn(|| String::from("done")).join().unwrap(), "done");
    let nested = goconc::spawn(|| goconc::spawn(|| 6).join().unwrap() * 7);
    assert_eq!(nested.join().unwrap(), 42);
}

#[test]
fn is_finished() {
    let gate = Chan::<()>::new();
    let theirs = gate.clone();
    let handle = goconc::spawn(move || theirs.recv());
    assert!(!handle.is_finished());
    gate.close();
    guarded("is_finished", || {
        while !handle.is_finished() {
            std::thread::yield_now();
        }
    });
    assert_eq!(handle.join().unwrap(), None);
}

#[test]
fn the_result_of_a_detached_goroutine_is_dropped_once() {
    let token = Arc::new(());
    for late in [false, true] {
        let theirs = Arc::clone(&token);
        let handle = goconc::spawn(move || theirs);
        while late && !handle.is_finished() {
            std::thread::yield_now();
        }
        drop(handle);
    }
    guarded("detached", || {
        while Arc::strong_count(&token) > 1 {
            std::thread::yield_now();
        }
    });
}

#[test]
fn run_from_threads_and_goroutines() {
    let threads: Vec<_> = (0..8).map(|i| std::thread::spawn(move || goconc::run(move || i * 2))).collect();
    assert_eq!(threads.into_iter().map(|t| t.join().unwrap()).sum::<i32>(), 56);
    assert_eq!(goconc::run(|| goconc::run(|| goconc::run(|| 5))), 5);
}

#[test]
fn run_passes_a_panic_on() {
    assert_eq!(panic_text(|| goconc::run(|| panic!("boom"))), "boom");
    assert_eq!(panic_text(|| goconc::run(|| goconc::run(|| panic!("inner")))), "inner");
    assert!(panic_text(|| goconc::run(|| runtime::goexit())).contains("goexit"));
}

#[test]
fn scope_borrows() {
    let numbers: Vec<u64> = (0..1000).collect();
    let total = AtomicUsize::new(0);
    let (mut left, mut right) = (0, 0);
    let value = goconc::scope(|s| {
        s.go(|| left = numbers[..500].iter().sum());
        s.go(|| right = numbers[500..].iter().sum());
        for chunk in numbers.chunks(10) {
            s.go(|| {
                runtime::gosched();
                total.fetch_add(chunk.len(), Ordering::Relaxed);
            });
        }
        "value"
    });
    assert_eq!((value, left + right, total.into_inner()), ("value", 499_500, 1000));
}

/// Children may start children; the scope waits for all.
#[test]
fn scope_nests() {
    let ended = AtomicUsize::new(0);
    let count = &ended;
    goconc::scope(|s| {
        for _ in 0..10 {
            s.go(move || {
                for _ in 0..10 {
                    s.go(move || {
                        time::sleep(ms(1));
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                }
                goconc::scope(|inner| inner.go(|| _ = count.fetch_add(1, Ordering::Relaxed)));
            });
        }
    });
    assert_eq!(ended.into_inner(), 110);
}

/// A panic of the scope's own closure comes out after all children have ended.
#[test]
fn scope_waits_before_it_unwinds() {
    let ended = AtomicUsize::new(0);
    let text = panic_text(|| {
        goconc::scope(|s| {
            s.go(|| {
                time::sleep(ms(30));
                ended.fetch_add(1, Ordering::SeqCst);
            });
            panic!("boom");
        });
    });
    assert_eq!((text.as_str(), ended.load(Ordering::SeqCst)), ("boom", 1));
}

#[test]
fn scope_waits_for_who_calls_goexit() {
    let dropped = AtomicUsize::new(0);
    struct Count<'a>(&'a AtomicUsize);
    impl Drop for Count<'_> {
        fn drop(&mut self) {
            time::sleep(ms(10));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    goconc::scope(|s| {
        s.go(|| {
            let _count = Count(&dropped);
            runtime::goexit();
        });
    });
    assert_eq!(dropped.into_inner(), 1);
}

/// `goexit` of the goroutine that has the scope open: the children end first, what they borrow stays.
#[test]
fn goexit_out_of_a_scope() {
    let ended = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&ended);
    let handle = goconc::spawn(move || {
        let local = [1, 2, 3];
        goconc::scope(|s| {
            s.go(|| {
                time::sleep(ms(20));
                theirs.fetch_add(local.iter().sum::<usize>(), Ordering::SeqCst);
            });
            runtime::goexit();
        });
    });
    assert!(handle.join().is_err());
    assert_eq!(ended.load(Ordering::SeqCst), 6);
}
