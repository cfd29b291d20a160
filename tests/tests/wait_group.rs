//! `sync::WaitGroup`.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::{guarded, ms, panic_text};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// SY-020: as a barrier, the same one 8 times.
#[test]
fn barrier() {
    let (wg1, wg2) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
    for _ in 0..8 {
        let (n, exited) = (16, Chan::with_capacity(16));
        wg1.add(n);
        wg2.add(n);
        for _ in 0..n {
            go!([wg1, wg2, exited] {
                wg1.done();
                wg2.wait();
                exited.send(true);
            });
        }
        wg1.wait();
        for _ in 0..n {
            assert!(exited.try_recv().is_err());
            wg2.done();
        }
        assert_eq!((0..n).filter_map(|_| exited.recv()).count(), 16);
    }
}

/// SY-021.
#[test]
fn misuse() {
    assert_eq!(panic_text(|| WaitGroup::new().done()), "sync: negative WaitGroup counter");
    let wg = WaitGroup::new();
    wg.add(1);
    wg.done();
    assert_eq!(panic_text(|| wg.done()), "sync: negative WaitGroup counter");
    assert_eq!(
        panic_text(|| WaitGroup::new().add(isize::MIN / (1 << 33))),
        "sync: negative WaitGroup counter"
    );
}

/// SY-022: `wait` does not return before both have counted off.
#[test]
fn race() {
    for i in 0..1000 {
        let (wg, n) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
        wg.add(1);
        for _ in 0..2 {
            let (wg, n) = (Arc::clone(&wg), Arc::clone(&n));
            wg.add(1);
            let count = move || {
                n.fetch_add(1, Ordering::Relaxed);
                wg.done();
            };
            if i % 50 == 0 { drop(thread::spawn(count)) } else { go!(count()) }
        }
        wg.done();
        wg.wait();
        assert_eq!(n.load(Ordering::Relaxed), 2);
    }
}

/// SY-023 (N: Rust aligns): within another type, and as a static.
#[test]
fn anywhere() {
    static WG: WaitGroup = WaitGroup::new();
    #[derive(Default)]
    struct Within(#[expect(dead_code, reason = "to move the next one")] u8, WaitGroup);
    let within = Arc::new(Within::default());
    WG.add(10);
    within.1.add(10);
    for _ in 0..10 {
        go!([within] {
            within.1.done();
            WG.done();
        });
    }
    WG.wait();
    within.1.wait();
}

/// SY-024: `go` counts, and `wait` sees what they did.
#[test]
fn go_counts() {
    let (wg, values) = (Arc::new(WaitGroup::new()), Arc::new([const { AtomicUsize::new(0) }; 100]));
    for i in 0..100 {
        let values = Arc::clone(&values);
        wg.go(move || values[i].store(i, Ordering::Relaxed));
    }
    wg.wait();
    assert!(values.iter().enumerate().all(|(i, v)| v.load(Ordering::Relaxed) == i));
    wg.go(|| runtime::goexit());
    guarded("goexit", || wg.wait());
}

// SY-025 is in panics.rs.

/// SY-026: all waiters go on, threads and goroutines.
#[test]
fn many_waiters() {
    let (wg, ended) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
    wg.add(1);
    for i in 0..20 {
        ended.add(1);
        let (wg, ended) = (Arc::clone(&wg), Arc::clone(&ended));
        let wait = move || {
            wg.wait();
            ended.done();
        };
        if i % 4 == 0 { drop(thread::spawn(wait)) } else { go!(wait()) }
    }
    thread::sleep(ms(20));
    wg.done();
    guarded("many_waiters", || ended.wait());
}

/// SY-027: more may be added from within.
#[test]
fn add_from_within() {
    let (wg, n) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
    for _ in 0..10 {
        let (inner, n) = (Arc::clone(&wg), Arc::clone(&n));
        wg.go(move || {
            for _ in 0..10 {
                let n = Arc::clone(&n);
                inner.go(move || {
                    time::sleep(ms(1));
                    n.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
    }
    wg.wait();
    assert_eq!(n.load(Ordering::Relaxed), 100);
}

/// Shared as a `static`, as an `Arc`, and borrowed: `go` works with each.
#[test]
fn go_from_wherever_it_is() {
    static WG: WaitGroup = WaitGroup::new();
    let count = Arc::new(AtomicUsize::new(0));
    let (shared, local) = (Arc::new(WaitGroup::new()), WaitGroup::new());
    for _ in 0..10 {
        let counts = [(); 3].map(|()| Arc::clone(&count));
        let [a, b, c] = counts;
        WG.go(move || _ = a.fetch_add(1, Ordering::SeqCst));
        shared.go(move || _ = b.fetch_add(1, Ordering::SeqCst));
        local.go(move || _ = c.fetch_add(1, Ordering::SeqCst));
    }
    guarded("three groups", || {
        WG.wait();
        shared.wait();
        local.wait();
    });
    assert_eq!(count.load(Ordering::SeqCst), 30);
    let orphan = WaitGroup::new();
    let (go_on, ended) = (Chan::<()>::new(), Chan::with_capacity(1));
    let theirs = (go_on.clone(), ended.clone());
    orphan.go(move || {
        theirs.0.recv();
        theirs.1.send(());
    });
    drop(orphan); // its goroutine goes on, and counts off what is still there
    go_on.close();
    assert_eq!(ended.recv(), Some(()));
}
