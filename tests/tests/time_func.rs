//! `time::after_func`: a timer that starts a goroutine.

mod common;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{guarded, ms};
use goconc::prelude::*;
use goconc::sync::WaitGroup;
use goconc::time::{Duration, Timer, after_func};

const LONG: Duration = time::HOUR;

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// TM-002: each arms the next.
#[test]
fn a_chain() {
    fn next(left: u32, done: &Chan<()>) {
        let done = done.clone();
        let _ = after_func(us(50), move || if left == 0 { done.close() } else { next(left - 1, &done) });
    }
    guarded("chain", || {
        let done = Chan::new();
        next(100, &done);
        assert_eq!(done.recv(), None);
    });
}

/// One function that arms itself, from inside.
#[test]
fn arms_itself() {
    guarded("arms itself", || {
        let (own, count) = (Chan::<Arc<Timer>>::with_capacity(1), Chan::new());
        let timer = {
            let (own, count) = (own.clone(), count.clone());
            let (mut timer, mut n) = (None, 0);
            Arc::new(after_func(us(20), move || {
                n += 1;
                let timer: &Arc<Timer> = timer.get_or_insert_with(|| own.recv().unwrap());
                if n < 200 {
                    assert!(!timer.reset(us(20)), "it was not armed while it ran");
                }
                count.send(n);
            }))
        };
        own.send(Arc::clone(&timer));
        assert!((1..=200).all(|n| count.recv() == Some(n)));
        assert!(!timer.stop());
    });
}

/// TM-007, TM-011, TM-012: stop and reset, before and after the call.
#[test]
fn stop_and_reset() {
    guarded("stop and reset", || {
        let calls = Chan::with_capacity(10);
        let sender = calls.sender();
        let timer = after_func(LONG, move || sender.send(time::now()));
        assert!(timer.c.is_nil());
        assert!(timer.stop());
        assert!(!timer.stop());
        assert!(!timer.reset(LONG));
        let start = time::now();
        assert!(timer.reset(ms(1)));
        assert!(calls.recv().unwrap() >= start + ms(1));
        assert!(!timer.stop());
        assert!(!timer.reset(us(100)));
        assert!(calls.recv().is_some());
        assert!(!timer.reset(ms(1)));
        assert!(timer.stop());
        time::sleep(ms(3));
        assert!(calls.try_recv().is_err());
    });
}

/// TM-019: stopped, or called, and never both.
#[test]
fn stopped_or_called() {
    guarded("race", || {
        for i in 0..300 {
            let called = Chan::with_capacity(1);
            let sender = called.sender();
            let timer = after_func(us(20), move || sender.send(()));
            let until = time::now() + us(i % 60);
            while time::now() < until {}
            if timer.stop() {
                assert!(called.try_recv().is_err());
            } else {
                assert_eq!(called.recv(), Some(()));
            }
        }
    });
}

/// TM-009: thousands are armed and stopped at once, from all sides; what was not stopped is called.
#[test]
fn armed_and_stopped_by_many() {
    guarded("storm", || {
        let (called, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (wg, ended) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
        for worker in 0..8_u64 {
            let (called, stopped, ended) = (Arc::clone(&called), Arc::clone(&stopped), Arc::clone(&ended));
            wg.go(move || {
                for round in 0..20 {
                    let timers: Vec<Timer> = (0..50)
                        .map(|i| {
                            let (called, done) = (Arc::clone(&called), Arc::clone(&ended));
                            ended.add(1);
                            after_func(us((i * 7 + round + worker) % 60), move || {
                                called.fetch_add(1, Ordering::SeqCst);
                                done.done();
                            })
                        })
                        .collect();
                    for timer in timers.iter().rev().filter(|timer| timer.stop()) {
                        assert!(!timer.stop(), "it was stopped already");
                        stopped.fetch_add(1, Ordering::SeqCst);
                        ended.done();
                    }
                }
            });
        }
        wg.wait();
        ended.wait();
        assert_eq!(called.load(Ordering::SeqCst) + stopped.load(Ordering::SeqCst), 8 * 20 * 50);
    });
}

/// TM-013: never, and at once.
#[test]
fn extremes() {
    guarded("extremes", || {
        let called = Chan::with_capacity(1);
        let sender = called.sender();
        let timer = after_func(Duration::MAX, move || sender.send(()));
        time::sleep(ms(1));
        assert!(called.try_recv().is_err());
        assert!(timer.reset(Duration::ZERO));
        assert_eq!(called.recv(), Some(()));
    });
}

/// TM-038: in a goroutine of its own, which others do not wait for: neither other functions, nor stop and reset.
#[test]
fn a_goroutine_of_its_own() {
    guarded("own goroutine", || {
        let (gate, ids) = (Chan::<()>::new(), Chan::with_capacity(10));
        let timers: Vec<_> = (0..3)
            .map(|_| {
                let (gate, ids) = (gate.receiver(), ids.sender());
                after_func(us(10), move || {
                    ids.send(runtime::goroutine_id().unwrap());
                    gate.recv();
                })
            })
            .collect();
        let mut seen: Vec<_> = (0..3).map(|_| ids.recv().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3);
        for timer in &timers {
            assert!(!timer.stop()); // it is called, and waits for the gate
            assert!(!timer.reset(us(10)));
        }
        gate.close();
        assert!((0..3).all(|_| ids.recv().is_some()));
    });
}

/// Calls do not overlap, and none is lost: one that comes due meanwhile follows, also when the one before ends its goroutine.
#[test]
fn one_after_the_other() {
    for exits in [false, true] {
        guarded("due while it runs", move || {
            let (begun, gate) = (Chan::new(), Chan::<()>::new());
            let (b, g) = (begun.sender(), gate.receiver());
            let mut n = 0;
            let timer = after_func(us(10), move || {
                n += 1;
                b.send(n);
                g.recv();
                if exits {
                    runtime::goexit();
                }
            });
            assert_eq!(begun.recv(), Some(1));
            assert!(!timer.reset(us(10)));
            while timer.stop() {
                timer.reset(us(10));
                time::sleep(ms(1)); // until it is due
            }
            gate.send(());
            assert_eq!(begun.recv(), Some(2));
            gate.send(());
            assert!(!timer.reset(us(10)));
            assert_eq!(begun.recv(), Some(3));
            gate.send(());
        });
    }
}

/// TM-014: a panic while a lock is held, caught in the function: other timers go on.
#[test]
fn a_panic_under_a_lock() {
    guarded("panic", || {
        let lock = Arc::new(Mutex::new(()));
        let done = Chan::new();
        let _ = after_func(us(10), {
            let (lock, done) = (Arc::clone(&lock), done.sender());
            move || {
                let panicked = catch_unwind(|| {
                    let _guard = lock.lock();
                    panic!("caught")
                });
                done.send(panicked.is_err());
            }
        });
        assert_eq!(done.recv(), Some(true));
        assert!(lock.is_poisoned());
        let sender = done.sender();
        let _ = after_func(us(10), move || sender.send(false));
        assert_eq!(done.recv(), Some(false));
        assert!(time::after(us(10)).recv().is_some());
    });
}

/// TM-018, TM-027: very many are moved, earlier and later; all are called, once.
#[test]
fn very_many_are_moved() {
    guarded("moved", || {
        let (n, called) = (2000, Arc::new(AtomicUsize::new(0)));
        let timers: Vec<_> = (0..n)
            .map(|_| {
                let called = Arc::clone(&called);
                after_func(LONG, move || _ = called.fetch_add(1, Ordering::Relaxed))
            })
            .collect();
        for round in 0..20 {
            for (i, timer) in timers.iter().enumerate() {
                assert!(timer.reset(LONG + ms((i as u64 * 7919 + round) % 1000)));
            }
        }
        for (i, timer) in timers.iter().enumerate() {
            assert!(timer.reset(us(i as u64 % 100)));
        }
        while called.load(Ordering::Relaxed) < n {
            time::sleep(us(100));
        }
        assert!(!timers.iter().any(Timer::stop));
        assert_eq!(called.load(Ordering::Relaxed), n);
    });
}

/// TM-028: what the function owns goes with the last of timer, heap and call; a timer that is dropped still calls.
#[test]
fn what_it_owns() {
    guarded("owned", || {
        let owned = Arc::new(());
        let holder = Arc::clone(&owned);
        let timer = after_func(LONG, move || _ = &holder);
        assert_eq!(Arc::strong_count(&owned), 2);
        assert!(timer.reset(LONG));
        assert!(timer.stop());
        assert_eq!(Arc::strong_count(&owned), 2);
        drop(timer);
        assert_eq!(Arc::strong_count(&owned), 1);

        let (holder, called) = (Arc::clone(&owned), Chan::new());
        let sender = called.sender();
        drop(after_func(ms(1), move || {
            let _ = &holder;
            sender.send(());
        }));
        assert_eq!(called.recv(), Some(()));
        while Arc::strong_count(&owned) != 1 {
            time::sleep(us(100)); // until its goroutine has ended
        }
    });
}
