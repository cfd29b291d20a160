//! Thread-locals, `rand::rng()` and the lock on stdout across waits: `locals thread_local|rand|stdout`.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use goconc::prelude::*;
use goconc::sync::WaitGroup;
use rand::Rng;

thread_local! {
    static SHARED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[goroutine]
fn main() {
    let body: fn(u32) = match std::env::args().nth(1).as_deref() {
        Some("thread_local") => thread_local,
        Some("rand") => random,
        Some("stdout") => stdout,
        other => panic!("no such scene: {other:?}"),
    };
    let wg = Arc::new(WaitGroup::new());
    for i in 0..20 {
        wg.go(move || (0..20).for_each(|k| body(i * 100 + k)));
    }
    wg.wait();
    println!("fine");
}

/// A value borrowed from the thread, and its address, stay right across a wait.
fn thread_local(n: u32) {
    COUNT.with(|count| {
        let (thread, address) = (std::thread::current().id(), core::ptr::from_ref(count) as usize);
        count.set(count.get() + 1);
        let before = count.get();
        wait(n);
        assert!(count.get() >= before, "the count goes up only");
        assert_eq!(std::thread::current().id(), thread);
        assert_eq!(COUNT.with(|count| core::ptr::from_ref(count) as usize), address);
    });
    SHARED.with_borrow_mut(|shared| {
        shared.push(n);
        shared.retain(|&v| v % 7 != 3 || v == n);
        assert!(shared.contains(&n) || n % 7 == 3);
    });
}

/// An `Rc` shared with the thread, held across a wait.
fn random(n: u32) {
    let mut rng = rand::rng();
    let first: u64 = rng.random();
    wait(n);
    let second: u64 = rng.clone().random();
    assert_ne!(first, second);
}

fn stdout(n: u32) {
    let mut out = std::io::stdout().lock();
    write!(out, "<{n}").unwrap();
    if n.is_multiple_of(4) {
        wait(n);
    }
    writeln!(out, " {n}>").unwrap();
    drop(out);
    runtime::gosched();
}

fn wait(n: u32) {
    match n % 3 {
        0 => runtime::gosched(),
        1 => time::sleep(Duration::from_micros(50)),
        _ => {
            let ch = Chan::new();
            go!([ch] ch.send(()));
            ch.recv();
        }
    }
}
