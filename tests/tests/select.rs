//! `select!`: one of several operations.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{guarded, ms};
use goconc::prelude::*;

use goconc::sync::WaitGroup;

/// Whether `f` is still waiting after a while. Its goroutine stays behind.
fn blocks(f: impl FnOnce() + Send + 'static) -> bool {
    let handle = goconc::spawn(f);
    std::thread::sleep(ms(40));
    let waits = !handle.is_finished();
    std::mem::forget(handle);
    waits
}

/// The three receive forms, a send, and the value of the expression.
#[test]
fn smoke() {
    let (a, b) = (Chan::with_capacity(1), Chan::with_capacity(1));
    a.send(7);
    let got = select! {
        v = <-a => v,
        v = <-b => v,
    };
    assert_eq!(got, Some(7));
    a.close();
    let got: (i32, bool) = select! { v, ok := <-a => (v, ok), };
    assert_eq!(got, (0, false));
    let got: i32 = select! { v := <-a => v + 1, };
    assert_eq!(got, 1);
    select! {
        b <- 5 => {}
        default => panic!("there is room"),
    }
    assert_eq!(b.recv(), Some(5));
    let other = select! { <-b => 1, default => 2 };
    assert_eq!(other, 2);
}

/// SE-001, SE-016: operands and values are evaluated once, in source order, also for cases that are not chosen.
#[test]
fn operands_in_source_order() {
    let trail = std::cell::RefCell::new(Vec::new());
    let note = |what: &'static str| trail.borrow_mut().push(what);
    let (full, ready) = (Chan::with_capacity(1), Chan::with_capacity(1));
    full.send(0);
    ready.send(1);
    for _ in 0..1 {
        select! {
            { note("full"); full.clone() } <- { note("value"); 2 } => note("sent"),
            _ = <-{ note("ready"); ready.clone() } => note("received"),
            <-{ note("nil"); Chan::<i32>::nil() } => note("never"),
        }
    }
    assert_eq!(*trail.borrow(), ["full", "value", "ready", "nil", "received"]);
}

/// SE-003, SE-004, SE-009, SE-010: nil channels are never ready.
#[test]
fn nil_channels() {
    let nil = Chan::<i32>::nil();
    let got = select! { <-nil => 1, nil <- 3 => 2, default => 4 };
    assert_eq!(got, 4);
    assert!(blocks(|| select! {}));
    assert!(blocks(|| {
        let nil = Chan::<i32>::nil();
        select! { <-nil => {}, nil <- 1 => {} }
    }));
}

/// SE-005 to SE-008, SE-011 to SE-014: what is ready and what is not.
#[test]
fn ready_or_not() {
    let room = Chan::with_capacity(1);
    select! { room <- 1 => {} }
    assert!(select! { room <- 2 => false, default => true });
    let closed = Chan::<i32>::new();
    closed.close();
    assert_eq!(select! { v = <-closed => v, default => Some(9) }, None);
    assert!(blocks(|| {
        let (full, empty) = (Chan::with_capacity(1), Chan::<i32>::new());
        full.send(0);
        select! { full <- 1 => {}, <-empty => {} }
    }));
    assert!(blocks(|| {
        let alone = Chan::new();
        select! { alone <- 1 => {}, <-alone => {} }
    }));
}

/// SE-007, SE-023, CH-037: a send on a closed channel is ready, and panics if it is chosen.
#[test]
fn send_on_closed() {
    let closed = Chan::new();
    closed.close();
    for with_default in [false, true] {
        let closed = closed.clone();
        let error = goconc::spawn(move || {
            if with_default {
                select! { closed <- 1 => {}, default => {} }
            } else {
                select! { closed <- 1 => {}, <-Chan::<i32>::nil() => {} }
            }
        })
        .join()
        .unwrap_err();
        assert_eq!(error.message(), "send on closed channel");
    }
    let ready = Chan::with_capacity(1);
    let (mut panics, mut values) = (0, 0);
    for _ in 0..200 {
        _ = ready.try_send(1);
        let (closed, ready) = (closed.clone(), ready.clone());
        match goconc::spawn(move || select! { closed <- 1 => {}, <-ready => {} }).join() {
            Ok(()) => values += 1,
            Err(_) => panics += 1,
        }
    }
    assert!(panics > 20 && values > 20, "{panics} {values}");
}

/// A blocked sender in a select panics when its channel is closed, and gets its value dropped once.
#[test]
fn closed_while_waiting() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let ch = Chan::new();
    let (theirs, value) = (ch.clone(), Counted(Arc::clone(&dropped)));
    let handle = goconc::spawn(move || select! { theirs <- value => {}, <-Chan::<i32>::nil() => {} });
    std::thread::sleep(ms(20));
    ch.close();
    assert_eq!(handle.join().unwrap_err().message(), "send on closed channel");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// SE-018, CH-026: who lost is gone from its lists; later waiters are served.
#[test]
fn losers_leave_their_lists() {
    let (a, b, cancel) = (Chan::<i32>::new(), Chan::<i32>::new(), Chan::<()>::new());
    for _ in 0..100 {
        let (x, y, z, done) = (a.clone(), a.clone(), b.clone(), cancel.clone());
        let one = goconc::spawn(move || select! { <-x => 1, <-y => 2, <-z => 3, <-done => 4 });
        cancel.send(());
        assert_eq!(one.join().unwrap(), 4);
    }
    let theirs = a.clone();
    let waiter = goconc::spawn(move || theirs.recv());
    a.send(5);
    assert_eq!(waiter.join().unwrap(), Some(5));
    assert!(b.try_send(1).is_err(), "nobody is left there");
}

/// SE-020: control flow acts on the user's own loop and function.
#[test]
fn control_flow() {
    fn first_even(ch: &Chan<i32>) -> Option<i32> {
        loop {
            select! {
                v = <-ch => {
                    let v = v?;
                    if v % 2 != 0 {
                        continue;
                    }
                    return Some(v);
                }
            }
        }
    }
    let ch = Chan::with_capacity(4);
    [1, 3, 4, 5].into_iter().for_each(|v| ch.send(v));
    assert_eq!(first_even(&ch), Some(4));
    ch.close();
    assert_eq!(first_even(&ch), None);
    let mut rounds = 0;
    'outer: loop {
        rounds += 1;
        select! { default => if rounds == 3 { break 'outer } }
    }
    assert_eq!(rounds, 3);
}

/// SE-022: the default may stand anywhere; guards and attributes.
#[test]
fn default_guards_attributes() {
    let ch = Chan::with_capacity(1);
    ch.send(1);
    assert_eq!(select! { default => 0, v := <-ch => v }, 1);
    ch.send(2);
    let open = false;
    assert_eq!(select! { v := <-ch, if open => v, default => 0 }, 0);
    assert_eq!(select! { v := <-ch, if !open => v, default => 0 }, 2);
    ch.send(3);
    let got = select! {
        #[cfg(any())]
        _ = <-no_such_channel => 9,
        #[allow(unused_variables, reason = "attributes belong to their arm")]
        v := <-ch => v,
    };
    assert_eq!(got, 3);
}

/// `biased;`: in source order.
#[test]
fn biased() {
    let (urgent, normal) = (Chan::with_capacity(100), Chan::with_capacity(100));
    for i in 0..100 {
        urgent.send(i);
        normal.send(i);
    }
    let mut order = Vec::new();
    for _ in 0..200 {
        select! { biased; <-urgent => order.push('u'), <-normal => order.push('n') }
    }
    assert!(order[..100].iter().all(|&c| c == 'u'));
}

/// CH-019, CH-020: ready cases are chosen with equal probability, whatever else is there.
#[test]
fn fairness() {
    goconc::run(|| {
        const ROUNDS: usize = 10_000;
        let ready = [Chan::with_capacity(1), Chan::with_capacity(1)];
        let never = [Chan::<i32>::new(), Chan::<i32>::new()];
        let mut count = [0_usize; 2];
        for _ in 0..ROUNDS {
            ready.iter().for_each(|ch| _ = ch.try_send(0));
            select! {
                <-never[0] => unreachable!(),
                <-ready[0] => count[0] += 1,
                <-never[1] => unreachable!(),
                <-ready[1] => count[1] += 1,
            }
        }
        // Ten standard deviations.
        let sigma = (ROUNDS as f64 / 4.0).sqrt();
        assert!((count[0] as f64 - ROUNDS as f64 / 2.0).abs() < 10.0 * sigma, "{count:?}");
        let ch = Chan::with_capacity(1);
        let mut ones = 0;
        for _ in 0..ROUNDS {
            select! { ch <- 0 => {}, ch <- 1 => {} }
            ones += ch.recv().unwrap();
        }
        assert!(ones > ROUNDS / 10 && ones < ROUNDS * 9 / 10, "{ones}");
    });
}

/// CH-016, CH-017: two selects on both directions of one channel serve each other, never themselves.
#[test]
fn self_select() {
    for capacity in [0, 10] {
        let ch = Chan::with_capacity(capacity);
        let wg = Arc::new(WaitGroup::new());
        for me in 0..2 {
            let ch = ch.clone();
            wg.go(move || {
                for i in 0..1000 {
                    if me == 0 || i % 2 == 0 {
                        select! {
                            ch <- me => {}
                            v := <-ch => assert!(capacity != 0 || v != me, "received its own value"),
                        }
                    } else {
                        select! {
                            v := <-ch => assert!(capacity != 0 || v != me, "received its own value"),
                            ch <- me => {}
                        }
                    }
                }
            });
        }
        guarded("self_select", || wg.wait());
    }
}

/// CH-013 to CH-015: a select with default looks at one instant: something that is always ready is found.
#[test]
fn default_only_if_nothing_is_ready() {
    let rounds = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    for by_close in [false, true] {
        let held = goconc::spawn(move || (0..rounds).all(|_| one_of_two_is_ready(by_close)));
        assert!(guarded("one instant", || held.join().unwrap()));
    }
}

/// At every instant `a` or `b` is ready, while another goroutine looks at both: whether it found one.
fn one_of_two_is_ready(by_close: bool) -> bool {
    let (a, b, found) = (Chan::with_capacity(1), Chan::with_capacity(1), Chan::with_capacity(1));
    a.send(1);
    go!([a, b, found] {
        found.send(select! { <-a => true, <-b => true, default => false });
    });
    if by_close {
        b.close();
    } else {
        b.send(1);
    }
    _ = a.try_recv();
    found.recv().unwrap()
}

/// CH-028, SE-024: exactly one case runs, and no value is lost or doubled, when several become ready at once.
#[test]
fn double_select() {
    let n = if cfg!(debug_assertions) { 5_000 } else { 200_000 };
    let inputs: [Chan<usize>; 4] = std::array::from_fn(|_| Chan::new());
    let merged = [Chan::new(), Chan::new()];
    let senders = Arc::new(WaitGroup::new());
    for (i, input) in inputs.iter().enumerate() {
        let input = input.clone();
        senders.go(move || (0..n).for_each(|k| input.send(4 * k + i)));
    }
    let stop = Chan::<()>::new();
    for out in &merged {
        let (out, stop) = (out.clone(), stop.clone());
        let [a, b, c, d] = inputs.clone();
        go! {
            loop {
                let v = select! { v := <-a => v, v := <-b => v, v := <-c => v, v := <-d => v, <-stop => break };
                out.send(v);
            }
            out.close();
        }
    }
    go! {
        senders.wait();
        stop.close();
    }
    let [x, y] = merged;
    let (mut seen, mut open) = (vec![0_u8; 4 * n], 2);
    let (mut x, mut y) = (x, y);
    guarded("double_select", || {
        while open > 0 {
            select! {
                v = <-x => match v { Some(v) => seen[v] += 1, None => { open -= 1; x = Chan::nil() } },
                v = <-y => match v { Some(v) => seen[v] += 1, None => { open -= 1; y = Chan::nil() } },
            }
        }
    });
    assert!(seen.iter().all(|&times| times == 1));
}

/// CH-018: random senders and receivers, by plain operation and by select, over four channels; all end with equal counts.
#[test]
fn select_stress() {
    let n = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
    let channels: [Chan<usize>; 4] = [0, 0, 2, 3].map(Chan::with_capacity);
    let wg = Arc::new(WaitGroup::new());
    for ch in &channels {
        let (tx, rx) = (ch.clone(), ch.clone());
        wg.go(move || (0..n).for_each(|i| tx.send(i)));
        wg.go(move || (0..n).for_each(|_| _ = rx.recv().unwrap()));
    }
    for sends in [true, false] {
        let mut channels = channels.clone();
        wg.go(move || {
            let mut left = [n; 4];
            while left.iter().any(|&left| left > 0) {
                let [a, b, c, d] = channels.clone();
                let i = if sends {
                    select! { a <- 0 => 0, b <- 0 => 1, c <- 0 => 2, d <- 0 => 3 }
                } else {
                    select! { <-a => 0, <-b => 1, <-c => 2, <-d => 3 }
                };
                left[i] -= 1;
                if left[i] == 0 {
                    channels[i] = Chan::nil();
                }
            }
        });
    }
    guarded("select_stress", || wg.wait());
    assert!(channels.iter().all(|ch| ch.is_empty()));
}

/// Plain threads select as goroutines do.
#[test]
fn plain_threads() {
    let (a, b) = (Chan::<i32>::new(), Chan::<i32>::new());
    let (x, y) = (a.clone(), b.clone());
    let thread =
        std::thread::spawn(move || (0..200).map(|_| select! { v := <-x => v, v := <-y => v }).sum::<i32>());
    for i in 0..100 {
        go!([a] a.send(i));
        go!([b] b.send(i));
    }
    assert_eq!(thread.join().unwrap(), 2 * (0..100).sum::<i32>());
}

/// CH-042: who leaves a list of many waiters does so in constant time; a thousand selects on one channel end.
#[test]
fn many_selects_on_one_channel() {
    let n = if cfg!(debug_assertions) { 1_000 } else { 50_000 };
    let (never, stop) = (Chan::<i32>::new(), Chan::<()>::new());
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..n {
        let (never, stop) = (never.clone(), stop.clone());
        wg.go(move || select! { <-never => unreachable!(), <-stop => {} });
    }
    stop.close();
    guarded("many selects", || wg.wait());
}

/// CH-021: values are coerced to the channel's type of element, alone, with a default and beside another arm.
#[test]
fn trait_objects() {
    let ch = Chan::<Box<dyn Fn(i32) -> i32 + Send>>::with_capacity(3);
    let never = Chan::<()>::new();
    select! { ch <- Box::new(|i| i + 1) => {} }
    select! { ch <- Box::new(|i| i + 2) => {}, default => unreachable!() }
    select! { ch <- Box::new(|i| i + 3) => {}, <-never => {} }
    let sum: i32 = (0..3).filter_map(|_| select! { f = <-ch => f, <-never => None }).map(|f| f(10)).sum();
    assert_eq!(sum, 36);
    let slices = Chan::<&[i32]>::with_capacity(2);
    select! { slices <- &[1, 2] => {}, <-never => {} }
    assert_eq!(select! { v := <-slices => v.len() }, 2);
    let numbers = Chan::<u8>::with_capacity(2);
    select! { numbers <- 1 => {}, <-never => {} }
    select! { numbers <- 2 => {} }
    assert_eq!(numbers.len(), 2);
}
