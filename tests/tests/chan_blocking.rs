//! Channels: who waits, who is woken, and in which order.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use common::{guarded, ms};
use goconc::chan::TryRecvError;
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// Starts `f` as a goroutine or on a thread, and tells when it has ended.
fn start(plain: bool, f: impl FnOnce() + Send + 'static) -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&ended);
    let body = move || {
        f();
        theirs.store(true, Ordering::SeqCst);
    };
    if plain {
        drop(thread::spawn(body))
    } else {
        go!(body())
    }
    ended
}

fn wait_until(what: &AtomicBool) {
    guarded("wait_until", || {
        while !what.load(Ordering::SeqCst) {
            thread::sleep(ms(1));
        }
    });
}

/// CH-001: a receive from an empty channel ends when something is sent, not before.
#[test]
fn receive_waits() {
    for (capacity, plain) in [(0, false), (1, false), (0, true), (1, true)] {
        let ch = Chan::with_capacity(capacity);
        let theirs = ch.clone();
        let ended = start(plain, move || assert_eq!(theirs.recv(), Some(1)));
        thread::sleep(ms(20));
        assert!(!ended.load(Ordering::SeqCst));
        ch.send(1);
        wait_until(&ended);
    }
}

/// CH-004: a send without room ends when there is room, not before.
#[test]
fn send_waits() {
    for (capacity, plain) in [(0, false), (1, false), (0, true), (1, true)] {
        let ch = Chan::with_capacity(capacity);
        (0..capacity).for_each(|_| ch.send(0));
        let theirs = ch.clone();
        let ended = start(plain, move || theirs.send(1));
        thread::sleep(ms(20));
        assert!(!ended.load(Ordering::SeqCst));
        (0..capacity).for_each(|_| assert_eq!(ch.recv(), Some(0)));
        assert_eq!(ch.recv(), Some(1));
        wait_until(&ended);
    }
}

/// CH-008, CH-057: `close` wakes everybody who receives.
#[test]
fn close_wakes_receivers() {
    let ch = Chan::<i32>::new();
    let waiting: Vec<_> = (0..20)
        .map(|i| {
            let ch = ch.clone();
            start(i % 4 == 0, move || assert_eq!(ch.recv(), None))
        })
        .collect();
    thread::sleep(ms(20));
    assert!(waiting.iter().all(|ended| !ended.load(Ordering::SeqCst)));
    ch.close();
    waiting.iter().for_each(|ended| wait_until(ended));
}

/// CH-052: a sender that waits when the channel is closed fails, itself, and has its value back.
#[test]
fn close_wakes_senders() {
    let ch = Chan::new();
    let value = Arc::new(1);
    let handles: Vec<_> = (0..10)
        .map(|i| {
            let (ch, value) = (ch.clone(), Arc::clone(&value));
            goconc::spawn(
                move || if i % 2 == 0 { ch.send(value) } else { assert!(ch.checked_send(value).is_err()) },
            )
        })
        .collect();
    let theirs = (ch.clone(), Arc::clone(&value));
    let plain = thread::spawn(move || theirs.0.checked_send(theirs.1).unwrap_err().into_inner());
    thread::sleep(ms(20));
    ch.close();
    for (i, handle) in handles.into_iter().enumerate() {
        match handle.join() {
            Ok(()) => assert_eq!(i % 2, 1),
            Err(error) => assert_eq!((error.message(), i % 2), ("send on closed channel", 0)),
        }
    }
    assert_eq!(*plain.join().unwrap(), 1);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// CH-054: a value given to a waiting receiver is its own, however many others poll.
#[test]
fn no_barging() {
    for _ in 0..200 {
        let ch = Chan::new();
        let theirs = ch.clone();
        let ended = start(false, move || assert_eq!(theirs.recv(), Some(1)));
        while ch.try_send(1).is_err() {
            thread::yield_now();
        }
        // The receiver may not have run yet; the value is gone all the same.
        assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
        wait_until(&ended);
    }
}

/// CH-055: nobody is woken from a nil channel; deadlock.rs has the words. They show in a dump.
#[test]
fn nil_waits_for_ever() {
    let ended = [
        start(false, || _ = Chan::<i32>::nil().recv()),
        start(false, || Chan::nil().send(1)),
        start(false, || _ = Recv::<i32>::nil().recv()),
        start(true, || _ = Chan::<i32>::nil().recv()),
    ];
    thread::sleep(ms(50));
    assert!(ended.iter().all(|ended| !ended.load(Ordering::SeqCst)));
    let dump = runtime::stack_dump();
    assert!(
        dump.contains("[chan receive (nil chan)]:") && dump.contains("[chan send (nil chan)]:"),
        "{dump}"
    );
    assert_eq!(Chan::<i32>::nil().try_recv(), Err(TryRecvError::Empty));
    assert!(Chan::nil().try_send(1).unwrap_err().is_full());
}

/// Waiting receivers are served first come, first served.
#[test]
fn receivers_in_order() {
    let (ch, order) = (Chan::new(), Chan::with_capacity(20));
    let parked = Arc::new(AtomicUsize::new(0));
    for i in 0..20 {
        go!([ch, order, parked] {
            parked.fetch_add(1, Ordering::SeqCst);
            let turn: i32 = ch.recv().unwrap();
            order.send((turn, i));
        });
        while parked.load(Ordering::SeqCst) <= i {
            thread::yield_now();
        }
        thread::sleep(ms(2)); // from the count into the wait
    }
    (0..20).for_each(|turn| ch.send(turn));
    let mut turns: Vec<_> = (0..20).filter_map(|_| order.recv()).collect();
    turns.sort_unstable();
    assert!(turns.iter().all(|&(turn, i)| usize::try_from(turn).unwrap() == i), "{turns:?}");
}

/// What a goroutine has written before it sends is seen by who receives; and before a receive from an unbuffered channel, by
/// who sends.
#[test]
fn a_channel_orders_memory() {
    for capacity in [0, 1] {
        for _ in 0..500 {
            let (data, ch) = (Arc::new(AtomicUsize::new(0)), Chan::with_capacity(capacity));
            go!([data, ch] {
                data.store(1, Ordering::Relaxed);
                ch.send(());
            });
            ch.recv();
            assert_eq!(data.load(Ordering::Relaxed), 1);
        }
    }
}

/// Plain threads and goroutines in one line through 100 unbuffered channels.
#[test]
fn relay_of_threads_and_goroutines() {
    let first = Chan::new();
    let mut last = first.clone();
    let wg = Arc::new(WaitGroup::new());
    for i in 0..100 {
        let next = Chan::new();
        let (input, output) = (last.clone(), next.clone());
        let relay = move || {
            for v in &input {
                output.send(v + 1);
            }
            output.close();
        };
        if i % 5 == 0 {
            drop(thread::spawn(relay))
        } else {
            wg.go(relay)
        }
        last = next;
    }
    go! {
        (0..50).for_each(|v| first.send(v));
        first.close();
    }
    let got: Vec<_> = guarded("relay", || last.iter().collect());
    assert!(got.into_iter().eq(100..150));
    wg.wait();
}
