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

/// SE-005, SE-006, SE-007, SE-008, SE-011, SE-012, SE-013, SE-014: what is ready and what is not.
#[test]
fn ready_or_not() {
    let room = Chan::with_capacity(1);
    select! { room <- 1 => {} }
    assert!(select! { room <- 2 => false, default => true });
    assert_eq!(select! { v := <-room => v, default => 0 }, 1);
    assert!(select! { room <- 2 => true, default => false });
    assert!(select! { default => true });
    let closed = Chan::<i32>::new();
    closed.close();
    assert_eq!(select! { v = <-closed => v, default => Some(9) }, None);
    assert_eq!(select! { v, ok := <-closed => (v, ok), <-Chan::<i32>::new() => (9, true) }, (0, false));
    assert!(blocks(|| {
        let full = Chan::with_capacity(1);
        full.send(0);
        full.send(1);
    }));
    assert!(blocks(|| _ = Chan::<i32>::new().recv()));
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

/// Waiters of all kinds in one list: a close wakes each once, and of the selects nothing is left in other lists.
#[test]
fn a_close_wakes_plain_receivers_and_selects_alike() {
    guarded("a close", || {
        // Which kinds there are, in the order of their coming: 0 receives, 1 selects.
        for kinds in [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 1, 1]] {
            let (c, other, wg) = (Chan::<i32>::new(), Chan::<i32>::new(), Arc::new(WaitGroup::new()));
            let begun = Arc::new(AtomicUsize::new(0));
            for (i, kind) in (0..30).zip(kinds.into_iter().cycle()) {
                let waiting = Arc::clone(&begun);
                let done = Arc::clone(&wg);
                wg.add(1);
                go!([c, other] {
                    waiting.fetch_add(1, Ordering::Relaxed); // only counted
                    let got = if kind == 0 { c.recv() } else { select! { v = <-c => v, v = <-other => v } };
                    assert_eq!(got, None);
                    done.done();
                });
                while begun.load(Ordering::Relaxed) <= i {
                    goconc::time::sleep(ms(1));
                }
            }
            c.close();
            wg.wait();
            assert!(other.try_send(1).is_err(), "nobody waits there any more");
        }
    });
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

/// SE-015, SE-017: what an arm binds to is evaluated only if it is chosen; who takes the default leaves all as it was.
#[test]
fn destinations_only_when_chosen() {
    let (ready, never) = (Chan::with_capacity(1), Chan::<i32>::new());
    let mut evaluated = 0;
    let mut place = |v| {
        evaluated += 1;
        v
    };
    let (mut a, mut b) = (7, 8);
    select! { v := <-never => a = place(v), default => {} }
    select! { v, ok := <-never => (a, b) = (place(v), i32::from(ok)), <-Chan::<()>::nil() => {}, default => {} }
    assert_eq!((a, b), (7, 8));
    ready.send(3);
    select! { v := <-never => a = place(v), v := <-ready => b = place(v) }
    assert_eq!((a, b, evaluated), (7, 3, 1));
}

/// SE-019: values are discarded or bound, in every form, against plain operations, select and default.
#[test]
fn all_forms_against_plain_peers() {
    let ch = Chan::new();
    let theirs = ch.clone();
    let sender = goconc::spawn(move || {
        for i in 0..80 {
            if i % 2 == 0 {
                theirs.send(i);
            } else {
                select! { theirs <- i => {}, <-Chan::<()>::nil() => {} }
            }
        }
        theirs.close();
    });
    let never = Chan::<()>::new();
    for i in (0..80).step_by(8) {
        ch.recv();
        select! { <-ch => {} }
        select! { _ = <-ch => {}, <-never => {} }
        select! { _ := <-ch => {}, <-never => {} }
        assert_eq!(select! { v = <-ch => v, <-never => None }, Some(i + 4));
        assert_eq!(select! { v := <-ch => v, <-never => 0 }, i + 5);
        assert_eq!(select! { v, ok := <-ch => (v, ok), <-never => (0, false) }, (i + 6, true));
        assert_eq!(select! { v, _ := <-ch => v }, i + 7);
    }
    sender.join().unwrap();
    assert_eq!(select! { v, ok := <-ch => (v, ok), <-never => (1, true) }, (0, false));
}

/// SE-025: a receive in the operand of a send happens before the select begins; so do others in operands.
#[test]
fn a_receive_in_an_operand_blocks_before() {
    let (input, out, done) = (Chan::<i32>::new(), Chan::with_capacity(1), Chan::<()>::new());
    done.close();
    let theirs = input.clone();
    let out_there = out.clone();
    let selecting =
        goconc::spawn(move || select! { out_there <- theirs.recv().unwrap() => true, <-done => false });
    std::thread::sleep(ms(30));
    assert!(!selecting.is_finished(), "`done` is ready, but not looked at yet");
    input.send(4);
    let sent = selecting.join().unwrap();
    assert_eq!(out.try_recv().ok(), sent.then_some(4));
}

/// SE-026: a timeout arm: not before its time.
#[test]
fn timeout_arm() {
    let never = Chan::<()>::new();
    for d in [1, 5, 20] {
        let (start, d) = (std::time::Instant::now(), ms(d));
        select! { <-never => unreachable!(), <-time::after(d) => {} }
        assert!(start.elapsed() >= d);
    }
    let ch = Chan::with_capacity(1);
    ch.send(1);
    assert_eq!(select! { v = <-ch => v, <-time::after(ms(60_000)) => None }, Some(1));
}

/// SE-002: a select with an arm that is never ready leaves nothing behind, round after round.
#[test]
fn nothing_is_left_behind() {
    let n = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let (ch, never) = (Chan::new(), Chan::<i32>::new());
    let theirs = ch.clone();
    let sender = goconc::spawn(move || (0..n).for_each(|i| theirs.send(i)));
    let before = resident();
    for i in 0..n {
        assert_eq!(select! { v = <-ch => v, v = <-never => v }, Some(i));
    }
    sender.join().unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
}

/// The bytes of memory in use.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// There is no limit on the number of arms: more than a word's bits, more than are kept on the stack.
#[test]
fn many_arms() {
    macro_rules! arms {
        ($channels:ident: $($i:literal)*; $($more:tt)*) => {
            select! { $(v = <-$channels[$i] => ($i, v),)* $($more)* }
        };
        ($channels:ident, $($more:tt)*) => {
            arms! {
                $channels:
                0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37
                38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69;
                $($more)*
            }
        };
    }
    let channels: [Chan<i32>; 70] = std::array::from_fn(|_| Chan::new());
    let none = (70, None);
    assert_eq!(arms!(channels, default => none), none);
    for i in [0, 31, 63, 64, 69] {
        let ch = channels[i].clone();
        go!(ch.send(5));
        assert_eq!(arms!(channels,), (i, Some(5)));
        let ch = channels[i].clone();
        let sender = goconc::spawn(move || ch.send(6));
        let got = loop {
            let got = arms!(channels, default => none);
            if got != none {
                break got;
            }
            std::thread::yield_now();
        };
        assert_eq!(got, (i, Some(6)));
        sender.join().unwrap();
    }
    let mut count = [0_usize; 70];
    let rounds = 7_000;
    for _ in 0..rounds {
        let ready: [Chan<i32>; 70] = std::array::from_fn(|i| match i % 2 {
            0 => channels[i].clone(),
            _ => Chan::with_capacity(1),
        });
        ready.iter().filter(|ch| ch.cap() == 1).for_each(|ch| ch.send(1));
        count[arms!(ready,).0] += 1;
    }
    let (expected, p) = (rounds as f64 / 35.0, 1.0 / 35.0);
    let sigma = (rounds as f64 * p * (1.0 - p)).sqrt();
    for (i, &n) in count.iter().enumerate() {
        assert!(if i % 2 == 0 { n == 0 } else { (n as f64 - expected).abs() < 10.0 * sigma }, "{count:?}");
    }
}

/// What is received may borrow, and a body may do with the channel what it likes.
#[test]
fn bodies_are_free() {
    let text = String::from("a b");
    let mut words = Chan::with_capacity(2);
    let other = Chan::<()>::new();
    let mut last = "";
    for word in text.split(' ') {
        words.send(word);
    }
    while !words.is_nil() {
        select! {
            word = <-words => match word {
                Some(word) => {
                    last = word;
                    if last == "b" {
                        words.close();
                    }
                }
                None => words = Chan::nil(),
            },
            <-other => unreachable!(),
        }
    }
    assert_eq!(last, "b");
}

/// Each value is dropped once: sent or not, received or discarded, whatever arm is chosen.
#[test]
fn drops_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let make = || Counted(Arc::clone(&dropped));
    let (ch, full) = (Chan::with_capacity(1), Chan::new());
    let never = Chan::<Counted>::nil();
    let mut expected = 0;
    let mut now = |more: usize| {
        expected += more;
        assert_eq!(dropped.load(Ordering::SeqCst), expected);
    };
    select! { ch <- make() => {}, full <- make() => unreachable!(), v = <-never => drop(v) }
    now(1); // the one that was not sent
    select! { <-ch => {}, v = <-never => drop(v) }
    now(1);
    select! { ch <- make() => {} }
    select! { full <- make() => {}, default => {} }
    now(1);
    select! { <-ch => {} }
    now(1);
    select! { ch <- make() => {}, default => {} }
    let got = select! { v = <-ch => v, default => None };
    now(0);
    drop(got);
    now(1);
    ch.send(make());
    select! { _ = <-ch => {}, default => {} }
    now(1);
    ch.send(make());
    select! { biased; _ := <-ch => now(1), <-full => {} }
}
