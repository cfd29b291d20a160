//! `goroutine_local!`; thread-locals, `rand::rng()` and a lock on stdout across waits.

mod common;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{guarded, ms, run};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

goconc::goroutine_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
    static TRAIL: RefCell<Vec<usize>> = RefCell::new(Vec::new());
}

/// Each goroutine has its own, across waits, and so has each thread.
#[test]
fn one_each() {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..100 {
        let body = move || {
            assert_eq!(NUMBER.with(Cell::get), 0);
            for k in 0..5 {
                NUMBER.with(|number| number.set(i + k));
                TRAIL.with(|trail| trail.borrow_mut().push(k));
                runtime::gosched();
                assert_eq!(NUMBER.with(Cell::get), i + k);
            }
            assert_eq!(TRAIL.with(|trail| trail.borrow().clone()), [0, 1, 2, 3, 4]);
        };
        if i % 10 == 0 {
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
    guarded("one_each", || wg.wait());
}

/// Dropped when the goroutine ends, on its own stack, where they can still wait; also after `goexit` and a panic.
#[test]
fn dropped_at_the_end() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Count(u64);
    impl Drop for Count {
        fn drop(&mut self) {
            assert_eq!(runtime::goroutine_id(), Some(self.0));
            time::sleep(ms(1));
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    goconc::goroutine_local! { static COUNT: Count = Count(runtime::goroutine_id().unwrap()); }
    goconc::spawn(|| COUNT.with(|_| ())).join().unwrap();
    assert!(goconc::spawn(|| COUNT.with(|_| panic!("boom"))).join().is_err());
    assert!(goconc::spawn(|| COUNT.with(|_| runtime::goexit())).join().is_err());
    guarded("dropped", || {
        while DROPPED.load(Ordering::SeqCst) < 3 {
            std::thread::sleep(ms(1));
        }
    });
}

/// The initial value may use other goroutine-locals, wait, and be made once.
#[test]
fn made_when_first_asked_for() {
    goconc::goroutine_local! { static MADE: usize = { runtime::gosched(); NUMBER.with(|n| n.replace(n.get() + 1)) }; }
    goconc::run(|| {
        assert_eq!((MADE.with(|m| *m), MADE.with(|m| *m), NUMBER.with(Cell::get)), (0, 0, 1));
    });
}

/// Programs with thread-locals, `rand::rng()` and the lock on stdout held across waits: no wrong and no torn value. (The lock
/// on stdout lets its own thread in again, so lines of two goroutines of one thread may come mixed; nothing is lost.)
#[test]
fn thread_locals_across_waits() {
    for env in common::VARIANTS.iter().copied().chain([&[("GOMAXPROCS", "4")][..]]) {
        for scene in ["thread_local", "rand", "stdout"] {
            check(env!("CARGO_BIN_EXE_locals"), scene, env);
        }
        check(env!("CARGO_BIN_EXE_stdout_lock"), "stdout", env); // its goroutines move
    }
}

fn check(program: &str, scene: &str, env: &[(&str, &str)]) {
    let text = run(program, &[scene], env).ok().stdout;
    assert!(text.ends_with("fine\n"), "{scene} {env:?}: {text}");
    if scene != "stdout" {
        return;
    }
    let whole = |line: &&str| line.split_once(' ').is_some_and(|(a, b)| a.get(1..) == b.strip_suffix('>'));
    println!("{env:?}: {} of 400 lines in one piece", text.lines().filter(whole).count());
    for i in 0..20 {
        for n in i * 100..i * 100 + 20 {
            let (first, second) = (format!("<{n}"), format!(" {n}>\n"));
            let complete = |part: &str| !part.starts_with(|c: char| c.is_ascii_digit());
            let firsts =
                text.match_indices(&first).filter(|(at, _)| complete(&text[at + first.len()..])).count();
            assert_eq!((firsts, text.matches(&second).count()), (1, 1), "{n} {env:?}: {text}");
        }
    }
}

/// `set` makes no initial value.
#[test]
fn short_forms() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    goconc::goroutine_local! {
        static COUNT: Cell<usize> = Cell::new(MADE.fetch_add(1, Ordering::Relaxed));
        static NAMES: RefCell<Vec<&'static str>> = RefCell::new(vec![["zero", "one"][MADE.fetch_add(1, Ordering::Relaxed)]]);
    }
    goconc::run(|| {
        COUNT.set(7);
        NAMES.set(vec!["seven"]);
        assert_eq!((COUNT.get(), NAMES.take()), (7, vec!["seven"]));
        COUNT.set(8);
        NAMES.set(vec!["eight"]);
        assert_eq!((COUNT.replace(9), COUNT.take(), NAMES.replace(Vec::new())), (8, 9, vec!["eight"]));
    });
    goconc::run(|| {
        assert_eq!(COUNT.get(), 0);
        NAMES.with_borrow_mut(|names| names.push("two"));
        NAMES.with_borrow(|names| assert_eq!(names, &["one", "two"]));
    });
}
