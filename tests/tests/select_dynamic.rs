//! `chan::Select`: select over cases that are not known when the program is written.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{guarded, ms};
use goconc::chan::{Select, Selected, Send, TryRecvError, TrySendError};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// Whether `f` is still waiting after a while. Its goroutine stays behind.
fn blocks(f: impl FnOnce() + std::marker::Send + 'static) -> bool {
    let handle = goconc::spawn(f);
    std::thread::sleep(ms(40));
    let waits = !handle.is_finished();
    std::mem::forget(handle);
    waits
}

/// RS-001, RS-002, RS-003: beside the operations of the channel itself.
#[test]
fn beside_plain_operations() {
    let ch = Chan::with_capacity(1);
    let mut select = Select::new();
    let (i, j) = (select.recv(&ch), select.send(&ch, 5));
    assert_eq!(select.select(), Selected::Sent(j));
    assert_eq!(ch.recv(), Some(5));
    ch.send(6);
    assert_eq!(select.select(), Selected::Recv(i, Some(6)));
    assert_eq!(select.try_select(), None);
    assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
    assert_eq!((ch.try_send(7), ch.try_send(8)), (Ok(()), Err(TrySendError::Full(8))));
    assert_eq!((ch.len(), ch.cap()), (1, 1));
    ch.close();
    assert_eq!(select.select(), Selected::Recv(i, Some(7)));
    assert_eq!(select.select(), Selected::Recv(i, None));
    assert_eq!(select.try_select(), Some(Selected::Recv(i, None)), "again and again");
}

/// An idle select is nobody's partner: its sudogs are in lists that others find empty.
#[test]
fn between_rounds_it_takes_no_part() {
    let (a, b) = (Chan::new(), Chan::new());
    let mut select = Select::new();
    let (i, j) = (select.recv(&a), select.send(&b, 9));
    assert_eq!(select.try_select(), None);
    for _ in 0..3 {
        assert_eq!(a.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(b.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(select.try_select(), None);
    }
    let (sender, receiver) = (a.clone(), b.clone());
    let sent = goconc::spawn(move || sender.send(2));
    assert_eq!(select.select(), Selected::Recv(i, Some(2)));
    sent.join().unwrap();
    let received = goconc::spawn(move || receiver.recv());
    assert_eq!(select.select(), Selected::Sent(j));
    assert_eq!(received.join().unwrap(), Some(9));
}

/// What a case of [`all_small_combinations`] waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Absent,
    Nil,
    Blocking,
    Ready,
    Closed,
}

use State::*;

/// Whether it sends, and the state of its channel.
type Case = (bool, State);

/// `None`: absent.
fn channel((sends, state): Case) -> Option<Chan<i32>> {
    let ch = match state {
        Absent => return None,
        Nil => Chan::nil(),
        _ => Chan::with_capacity(1),
    };
    match (state, sends) {
        (Blocking, true) | (Ready, false) => ch.send(1),
        (Closed, _) => ch.close(),
        _ => {}
    }
    Some(ch)
}

/// The number of the case that was chosen, which had to be a ready one.
fn choose(cases: [Case; 3], wait: bool) -> Option<usize> {
    let mut select = Select::new();
    let added = cases.map(|case| {
        let ch = channel(case)?;
        Some(if case.0 { select.send(&ch, 2) } else { select.recv(&ch) })
    });
    let selected = if wait { Some(select.select()) } else { select.try_select() };
    let (number, expected) = match selected? {
        Selected::Recv(i, Some(_)) => (i, (false, Ready)),
        Selected::Recv(i, None) => (i, (false, Closed)),
        Selected::Sent(i) => (i, (true, Ready)),
    };
    let at = added.iter().position(|&added| added == Some(number)).unwrap();
    assert_eq!(cases[at], expected);
    Some(number)
}

/// RS-005: every combination of up to three kinds of cases, with and without default: what is chosen is ready; nothing is
/// chosen only if nothing is ready.
#[test]
fn all_small_combinations() {
    const STATES: [State; 5] = [Absent, Nil, Blocking, Ready, Closed];
    for i in 0..STATES.len().pow(3) * 8 {
        let case = |bit: u32| (i >> bit & 1 != 0, STATES[i / 8 / STATES.len().pow(bit) % STATES.len()]);
        let cases = [case(0), case(1), case(2)];
        let ready = cases.iter().any(|&(_, state)| state == Ready || state == Closed);
        for wait in if ready { vec![false, true] } else { vec![false] } {
            match goconc::spawn(move || choose(cases, wait)).join() {
                Ok(chosen) => assert_eq!(chosen.is_some(), ready, "{cases:?}"),
                Err(error) => {
                    assert!(cases.contains(&(true, Closed)), "{cases:?}: {error}");
                    assert_eq!(error.message(), "send on closed channel");
                }
            }
        }
    }
    assert!(blocks(move || _ = choose([(false, Blocking), (true, Blocking), (true, Nil)], true)));
}

/// RS-006, RS-007: no cases, and nil channels only, block for ever.
#[test]
fn nothing_to_wait_for() {
    assert!(blocks(|| _ = Select::<i32>::new().select()));
    assert!(blocks(|| {
        let mut select = Select::new();
        select.recv(Recv::<i32>::nil());
        select.send(Send::nil(), 1);
        select.select();
    }));
    let mut select = Select::new();
    select.recv(Chan::<i32>::nil());
    assert_eq!((select.try_select(), select.len(), select.is_empty()), (None, 1, false));
}

/// RS-004, RS-008 and RS-009 have nothing to panic for and nothing to ask: directions and values are types. What is left is a
/// number without a case.
#[test]
fn removing() {
    let mut select = Select::new();
    let ch = Chan::<String>::new();
    let (a, b, c) = (select.recv(&ch), select.send(&ch, "b".into()), select.send(&ch, "c".into()));
    assert_eq!(select.try_select(), None);
    assert_eq!(select.remove(b).as_deref(), Some("b"));
    assert_eq!((select.remove(b), select.remove(a), select.remove(99)), (None, None, None));
    assert_eq!(select.len(), 1);
    let theirs = ch.clone();
    let received = goconc::spawn(move || theirs.recv());
    assert_eq!(select.select(), Selected::Sent(c), "its number is what it was");
    assert_eq!(received.join().unwrap().as_deref(), Some("c"));
    assert!(select.is_empty());
    // Free numbers are used again.
    let mut again = [select.send(&ch, "x".into()), select.recv(&ch), select.recv(&ch)];
    again.sort_unstable();
    let mut before = [a, b, c];
    before.sort_unstable();
    assert_eq!(again, before);
}

/// RS-010: fan-in that drops what is closed, and ends when nothing is left.
#[test]
fn fan_in() {
    let n = if cfg!(debug_assertions) { 20 } else { 200 };
    let mut select = Select::new();
    for i in 0..n {
        let ch = Chan::with_capacity(i % 3);
        select.recv(&ch);
        go! {
            (0..i).for_each(|k| ch.send(k));
            ch.close();
        }
    }
    let mut count = vec![0; n];
    guarded("fan_in", || {
        while !select.is_empty() {
            match select.select() {
                Selected::Recv(i, Some(v)) => {
                    assert_eq!(v, count[i], "in order");
                    count[i] += 1;
                }
                Selected::Recv(i, None) => _ = select.remove(i),
                Selected::Sent(_) => unreachable!(),
            }
        }
    });
    assert!(count.iter().enumerate().all(|(i, &n)| i == n));
}

/// RS-011: many thousands of cases. SE-021: more than Go's limit of 65 536 is allowed.
#[test]
fn very_many_cases() {
    let n = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    let channels: Vec<Chan<usize>> = (0..n).map(|_| Chan::new()).collect();
    let mut select = Select::new();
    for (i, ch) in channels.iter().enumerate() {
        assert_eq!(select.recv(ch), i);
    }
    let rounds = n / 10;
    go! {
        for k in 0..rounds {
            let i = k * 7919 % n;
            channels[i].send(i);
        }
    }
    guarded("very_many_cases", || {
        for _ in 0..rounds {
            let Selected::Recv(i, Some(v)) = select.select() else { unreachable!() };
            assert_eq!(i, v);
        }
    });
    assert_eq!(select.try_select(), None);
}

/// The choice among ready cases is uniform, whatever else is there; also among cases that wait in vain in every round.
#[test]
fn fairness() {
    const READY: usize = 4;
    let rounds = 10_000;
    let channels: [Chan<()>; 10] = std::array::from_fn(|_| Chan::with_capacity(1));
    let mut select = Select::new();
    channels.iter().for_each(|ch| _ = select.recv(ch));
    let mut count = [0_usize; 10];
    for _ in 0..rounds {
        channels[..READY].iter().for_each(|ch| _ = ch.try_send(()));
        let Some(Selected::Recv(i, Some(()))) = select.try_select() else { unreachable!() };
        count[i] += 1;
    }
    assert!(count[READY..].iter().all(|&n| n == 0));
    let (expected, p) = (rounds as f64 / READY as f64, 1.0 / READY as f64);
    let sigma = (rounds as f64 * p * (1.0 - p)).sqrt();
    assert!(count[..READY].iter().all(|&n| (n as f64 - expected).abs() < 10.0 * sigma), "{count:?}");
}

/// Both directions of one channel in one select: it never serves itself, and two such selects serve each other. CH-016,
/// CH-017 for the dynamic form.
#[test]
fn both_directions_of_one_channel() {
    let mut select = Select::new();
    let alone = Chan::new();
    for v in 0..3 {
        select.send(&alone, v);
        select.recv(&alone);
    }
    for _ in 0..10 {
        assert_eq!(select.try_select(), None);
    }
    for capacity in [0, 1] {
        let ch = Chan::with_capacity(capacity);
        let wg = Arc::new(WaitGroup::new());
        let rounds = if cfg!(debug_assertions) { 500 } else { 20_000 };
        for me in 0..2 {
            let ch = ch.clone();
            wg.go(move || {
                let mut select = Select::new();
                select.recv(&ch);
                select.send(&ch, me);
                for _ in 0..rounds {
                    match select.select() {
                        Selected::Recv(_, v) => assert!(capacity != 0 || v == Some(1 - me)),
                        Selected::Sent(_) => _ = select.send(&ch, me),
                    }
                }
            });
        }
        guarded("both_directions_of_one_channel", || wg.wait());
    }
}

/// CH-026 for the dynamic form: one channel in many cases.
#[test]
fn one_channel_many_times() {
    let (ch, rounds) = (Chan::new(), 100);
    let mut select = Select::new();
    (0..10).for_each(|_| _ = select.recv(&ch));
    let theirs = ch.clone();
    let sender = goconc::spawn(move || (0..rounds).for_each(|i| theirs.send(i)));
    for k in 0..rounds {
        let Selected::Recv(_, Some(v)) = select.select() else { unreachable!() };
        assert_eq!(v, k);
    }
    sender.join().unwrap();
    drop(select);
    assert!(ch.try_send(1).is_err(), "nobody is left there");
}

/// What is inside is dropped once: values not sent, and values that arrive.
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
    let mut select = Select::new();
    let unsent = select.send(&full, make());
    select.send(&full, make());
    select.send(&ch, make());
    assert!(matches!(select.select(), Selected::Sent(_)));
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(select.remove(unsent));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    select.recv(&ch);
    drop(select.select());
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
    drop(select);
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
}

/// A send whose channel is closed panics, also while it waits, and its value can be had back.
#[test]
fn send_on_closed() {
    let ch = Chan::new();
    let theirs = ch.clone();
    let handle = goconc::spawn(move || {
        let mut select = Select::new();
        let i = select.send(&theirs, 5);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| select.select()));
        (panic.is_err(), select.remove(i))
    });
    std::thread::sleep(ms(20));
    ch.close();
    assert_eq!(handle.join().unwrap(), (true, Some(5)));
}

/// It goes from thread to thread between rounds: what it waits with is found anew.
#[test]
fn changes_hands() {
    let ch = Chan::new();
    let mut select = Select::new();
    select.recv(&ch);
    assert_eq!(select.try_select(), None);
    for i in 0..100 {
        go!([ch] ch.send(i));
        select = if i % 3 == 0 {
            std::thread::spawn(move || receives(select, i)).join().unwrap()
        } else {
            goconc::spawn(move || receives(select, i)).join().unwrap()
        };
    }
}

fn receives(mut select: Select<i32>, expected: i32) -> Select<i32> {
    assert_eq!(select.select(), Selected::Recv(0, Some(expected)));
    select
}

/// CH-014 for the dynamic form: at every instant one of two channels is ready, so it is found.
#[test]
fn nothing_only_if_nothing_is_ready() {
    let rounds = if cfg!(debug_assertions) { 3_000 } else { 50_000 };
    let [a, b] = [(); 2].map(|()| Chan::with_capacity(1));
    a.send(());
    let (x, y, stop) = (a.clone(), b.clone(), Chan::<()>::new());
    let stopped = stop.clone();
    let mover = goconc::spawn(move || {
        // The token is in both for a moment, and never in none.
        while select! { <-stopped => false, default => true } {
            y.send(());
            x.recv();
            x.send(());
            y.recv();
        }
    });
    let mut select = Select::new();
    assert_eq!([&a, &b].map(|ch| select.recv(ch)), [0, 1]);
    let held = guarded("nothing_only_if_nothing_is_ready", || {
        (0..rounds).all(|_| match select.try_select() {
            Some(Selected::Recv(i, Some(()))) => {
                [&a, &b][i].send(());
                true
            }
            _ => false,
        })
    });
    stop.close();
    guarded("the mover", || mover.join().unwrap());
    assert!(held);
}

/// SE-026 for the dynamic form: not earlier than the time, and again and again with one `Select`.
#[test]
fn timeouts() {
    let rounds = if cfg!(debug_assertions) { 5 } else { 20 };
    let check = move || {
        let ch = Chan::new();
        let mut select = Select::new();
        assert_eq!(select.select_timeout(ms(0)), None);
        let i = select.recv(&ch);
        for k in 0..rounds {
            let start = Instant::now();
            assert_eq!(select.select_timeout(ms(3)), None);
            assert!(start.elapsed() >= ms(3));
            go!([ch] ch.send(k));
            assert_eq!(select.select_timeout(ms(60_000)), Some(Selected::Recv(i, Some(k))));
            assert_eq!(select.try_select(), None);
        }
        ch.close();
        assert_eq!(select.select_timeout(ms(60_000)), Some(Selected::Recv(i, None)));
    };
    guarded("timeouts", || goconc::spawn(check).join().unwrap());
    guarded("timeouts of a thread", check);
}

/// A value and the timeout at the same time: one of them ends the wait, and no value is lost.
#[test]
fn timeout_and_value_race() {
    let rounds = if cfg!(debug_assertions) { 50 } else { 500 };
    let ch = Chan::new();
    go!([ch] {
        for i in 0..rounds {
            goconc::time::sleep(Duration::from_micros(200));
            ch.send(i);
        }
        ch.close();
    });
    let mut select = Select::new();
    select.recv(&ch);
    let mut next = 0;
    guarded("timeout_and_value_race", || {
        loop {
            match select.select_timeout(Duration::from_micros(200)) {
                None => {}
                Some(Selected::Recv(_, Some(v))) => {
                    assert_eq!(v, next);
                    next += 1;
                }
                _ => break,
            }
        }
    });
    assert_eq!(next, rounds);
}
