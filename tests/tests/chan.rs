//! Channels: what each operation does, by plain threads and goroutines alike.

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{guarded, panic_text};
use goconc::chan::{self, Send as Sender, TryRecvError, TrySendError};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

#[test]
fn smoke() {
    let ch = Chan::new();
    go!([ch] ch.send(7));
    assert_eq!(ch.recv(), Some(7));
}

/// CH-002, CH-003, CH-005: what cannot be done now says so, and gives the value back.
#[test]
fn not_ready() {
    for capacity in [0, 1, 3] {
        let ch = Chan::with_capacity(capacity);
        assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
        (0..capacity).for_each(|i| ch.try_send(i).unwrap());
        assert_eq!(ch.try_send(9), Err(TrySendError::Full(9)));
    }
}

/// CH-006, CH-007: after close, what is buffered comes in order, then nothing, for ever.
#[test]
fn closed_with_values() {
    let ch = Chan::with_capacity(10);
    (0..10).for_each(|i| ch.send(i));
    ch.close();
    (0..10).for_each(|i| assert_eq!(ch.recv(), Some(i)));
    for _ in 0..100 {
        assert_eq!((ch.recv(), ch.recv_or_default()), (None, 0));
        assert_eq!(ch.try_recv(), Err(TryRecvError::Closed)); // CH-038
    }
}

/// CH-039: one buffered value comes first in every form of receive.
#[test]
fn closed_with_one_value() {
    let full = || {
        let ch = Chan::with_capacity(1);
        ch.send(5);
        ch.close();
        ch
    };
    assert_eq!(full().recv(), Some(5));
    assert_eq!(full().recv_or_default(), 5);
    assert_eq!(full().try_recv(), Ok(5));
    assert_eq!(full().iter().collect::<Vec<_>>(), [5]);
    assert_eq!(full().try_iter().collect::<Vec<_>>(), [5]);
    assert_eq!(full().into_iter().collect::<Vec<_>>(), [5]);
}

/// CH-009: 100 values through each capacity, by both forms.
#[test]
fn one_hundred_values() {
    for capacity in 0..20 {
        let ch = Chan::with_capacity(capacity);
        go!([ch](0..100).for_each(|i| ch.send(i)));
        (0..100).for_each(|i| assert_eq!(ch.recv(), Some(i)));
        go!([ch](0..100).for_each(|i| ch.send(i)));
        (0..100).for_each(|i| assert_eq!(ch.recv_or_default(), i));
    }
}

/// CH-010: 4 senders, 4 receivers, 1000 values each.
#[test]
fn four_by_four() {
    for capacity in [0, 1, 10] {
        let (ch, results) = (Chan::with_capacity(capacity), Chan::new());
        for _ in 0..4 {
            go!([ch](0..1000).for_each(|i| ch.send(i)));
            go!([ch, results] {
                let mut seen = vec![0; 1000];
                (0..1000).for_each(|_| seen[ch.recv().unwrap()] += 1);
                results.send(seen);
            });
        }
        let mut seen = vec![0; 1000];
        for _ in 0..4 {
            seen.iter_mut().zip(results.recv().unwrap()).for_each(|(all, one): (&mut i32, i32)| *all += one);
        }
        assert!(seen.iter().all(|&n| n == 4));
    }
}

/// CH-011, CH-012.
#[test]
fn len_and_cap() {
    let ch = Chan::with_capacity(10);
    assert_eq!((ch.len(), ch.cap(), ch.is_empty()), (0, 10, true));
    (0..10).for_each(|i| ch.send(i));
    assert_eq!((ch.sender().len(), ch.receiver().cap()), (10, 10));
    let unbuffered = Chan::<i32>::new();
    assert_eq!((unbuffered.len(), unbuffered.cap()), (0, 0));
    let nil = Chan::<i32>::nil();
    assert_eq!((nil.len(), nil.cap(), nil.sender().len(), nil.receiver().cap()), (0, 0, 0, 0));
}

/// CH-013: at every instant something is ready, so a receive that does not wait never says "not ready".
#[test]
fn try_recv_against_close() {
    for _ in 0..if cfg!(debug_assertions) { 1000 } else { 20_000 } {
        let ch = Chan::with_capacity(1);
        ch.send(1);
        let closing = goconc::spawn({
            let ch = ch.clone();
            move || ch.close()
        });
        assert_eq!(ch.try_recv(), Ok(1));
        closing.join().unwrap();
    }
}

/// CH-021: values behind a trait.
#[test]
fn trait_objects() {
    trait Shape: Send {
        fn corners(&self) -> u32;
    }
    struct Square;
    impl Shape for Square {
        fn corners(&self) -> u32 {
            4
        }
    }
    let ch = Chan::<Box<dyn Shape>>::with_capacity(2);
    ch.send(Box::new(Square));
    assert!(ch.try_send(Box::new(Square)).is_ok());
    assert_eq!(ch.try_iter().map(|shape| shape.corners()).sum::<u32>(), 8);
    let errors = Chan::<Result<(), Box<dyn std::error::Error + Send + Sync>>>::with_capacity(1);
    errors.send(Err("no".into()));
    assert_eq!(errors.recv().unwrap().unwrap_err().to_string(), "no");
}

/// CH-022: 23 workers; the last one closes the output.
#[test]
fn multi_consumer() {
    let n: u64 = if cfg!(debug_assertions) { 27_182 } else { 271_828 };
    let (input, output, running) =
        (Chan::with_capacity(92), Chan::with_capacity(92), Arc::new(AtomicUsize::new(23)));
    for _ in 0..23 {
        go!([input, output, running] {
            for v in &input {
                if v % 5 == 0 {
                    runtime::gosched();
                }
                output.send(v);
            }
            if running.fetch_sub(1, Ordering::AcqRel) == 1 {
                output.close();
            }
        });
    }
    go! {
        (1..=n).for_each(|v| input.send(v));
        input.close();
    }
    assert_eq!(guarded("multi_consumer", || output.iter().sum::<u64>()), n * (n + 1) / 2);
}

/// CH-023 (N: stacks never move or shrink): the value of a parked sender, in its frame, is what comes out.
#[test]
fn parked_senders_keep_their_values() {
    let ch = Chan::new();
    for i in 0..200_u64 {
        go!([ch] ch.send([i; 100]));
    }
    (0..2000)
        .for_each(|_| goconc::spawn(|| std::hint::black_box([7_u8; 4000])[9]).join().map(|_| ()).unwrap());
    let mut seen: Vec<_> = (0..200)
        .map(|_| {
            let v = ch.recv().unwrap();
            assert!(v.iter().all(|&x| x == v[0]));
            v[0]
        })
        .collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..200));
}

// CH-024 (N): no stack is ever maintained while its goroutine lives, so there is no such window.

/// CH-027: short goroutines that each park once.
#[test]
fn many_that_park_once() {
    let n = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    let before = runtime::metrics().stacks;
    let wg = Arc::new(WaitGroup::new());
    for i in 0..n {
        let gate = Chan::<()>::new();
        let theirs = gate.clone();
        wg.go(move || _ = theirs.recv());
        gate.send(());
        if i % 100 == 0 {
            wg.wait();
        }
    }
    wg.wait();
    assert!(runtime::metrics().stacks - before < 5000, "stacks are used again");
}

/// CH-029.
#[test]
fn fifo_buffered() {
    let ch = Chan::with_capacity(10);
    (0..10).for_each(|i| ch.send(i));
    assert!((0..10).all(|i| ch.recv() == Some(i)));
}

/// CH-030: among blocked unbuffered peers, by a daisy chain.
#[test]
fn fifo_unbuffered() {
    let (ch, mut input) = (Chan::new(), Chan::with_capacity(1));
    let first = input.clone();
    for i in 0..100 {
        let output = Chan::with_capacity(1);
        go!([ch, input, output] {
            assert_eq!(input.recv(), Some(i));
            ch.send(i);
            output.send(i + 1);
        });
        input = output;
    }
    first.send(0);
    assert!((0..100).all(|i| ch.recv() == Some(i)));
}

/// CH-031: a chain of 10 000.
#[test]
fn chain() {
    let n = if cfg!(debug_assertions) { 2000 } else { 10_000 };
    let leftmost = Chan::new();
    let mut left = leftmost.clone();
    for _ in 0..n {
        let right = Chan::new();
        go!([left, right] { left.send(1 + right.recv().unwrap()) });
        left = right;
    }
    go! { left.send(0) }
    assert_eq!(guarded("chain", || leftmost.recv()), Some(n));
}

/// CH-032: operations that do not wait, for several sizes.
#[test]
fn non_blocking_of_several_sizes() {
    fn check<T: Clone + PartialEq + std::fmt::Debug + Send + 'static>(value: T) {
        for capacity in [0, 1] {
            let ch = Chan::with_capacity(capacity);
            assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
            if capacity == 1 {
                assert_eq!(ch.try_send(value.clone()), Ok(()));
            }
            assert_eq!(ch.try_send(value.clone()), Err(TrySendError::Full(value.clone())));
            if capacity == 1 {
                assert_eq!(ch.try_recv(), Ok(value.clone()));
            }
            // Ready as soon as a peer waits.
            let (ours, theirs) = (value.clone(), value.clone());
            go!([ch] assert_eq!(ch.recv(), Some(theirs)));
            while ch.try_send(ours.clone()).is_err() {
                std::thread::yield_now();
            }
            while !ch.is_empty() {
                std::thread::yield_now();
            }
            let theirs = value.clone();
            go!([ch] ch.send(theirs));
            let got = loop {
                if let Ok(got) = ch.try_recv() {
                    break got;
                }
                std::thread::yield_now();
            };
            assert_eq!(got, value);
        }
    }
    check(7_i32);
    check(String::from("text"));
    check(true);
    check((1_u64, 2_u64, 3_u64));
    check([9_u8; 1000]);
}

/// CH-034: a `Chan` becomes either side, implicitly where it is an argument of a Go function.
#[test]
fn directions() {
    #[goroutine]
    fn produce(out: chan::Send<i32>) {
        out.send(1);
    }
    #[goroutine]
    fn consume(input: Recv<i32>) -> i32 {
        input.recv().unwrap()
    }
    let ch = Chan::with_capacity(4);
    produce(&ch);
    produce(ch.clone());
    produce(ch.sender());
    produce(ch.sender());
    let (tx, rx): (Sender<i32>, Recv<i32>) = (ch.clone().into(), (&ch).into());
    assert_eq!(consume(&rx) + consume(rx) + consume(&ch) + consume(ch.clone()), 4);
    assert_eq!(tx, ch.sender());
    assert!(ch == ch.clone() && ch != Chan::new() && Chan::<i32>::nil() == Chan::default());
    assert_eq!(HashSet::from([ch.clone(), ch.clone(), Chan::new()]).len(), 2);
}

/// CH-035, CH-036, CH-037: misuse panics with Go's words, and leaves the channel as it was.
#[test]
fn misuse() {
    for capacity in [0, 2] {
        let ch = Chan::with_capacity(capacity);
        ch.close();
        assert_eq!(panic_text(|| ch.close()), "close of closed channel");
        assert_eq!(panic_text(|| ch.sender().close()), "close of closed channel");
        assert_eq!(panic_text(|| ch.send(1)), "send on closed channel");
        assert_eq!(panic_text(|| ch.sender().send(1)), "send on closed channel");
        assert_eq!(ch.try_send(1), Err(TrySendError::Closed(1)));
        assert_eq!(ch.checked_send(2).unwrap_err().into_inner(), 2);
        assert_eq!(ch.checked_close().unwrap_err().to_string(), "close of closed channel");
        assert_eq!((ch.recv(), ch.len()), (None, 0));
    }
    assert_eq!(panic_text(|| Chan::<i32>::nil().close()), "close of nil channel");
    assert_eq!(Sender::<i32>::nil().checked_close().unwrap_err().to_string(), "close of nil channel");
}

/// CH-040: (a negative capacity does not compile.)
#[test]
fn absurd_capacities() {
    for capacity in [usize::MAX, usize::MAX / 8, 1 << 40] {
        assert_eq!(panic_text(|| _ = Chan::<u64>::with_capacity(capacity)), "makechan: size out of range");
        assert_eq!(
            panic_text(|| _ = Chan::<[u8; 4096]>::with_capacity(capacity)),
            "makechan: size out of range"
        );
    }
    assert_eq!(
        panic_text(|| _ = Chan::<[u8; 1 << 20]>::with_capacity(1 << 31)),
        "makechan: size out of range"
    );
}

/// CH-043: every combination of capacities, several channels at once, order kept per channel. (With `select!`: later.)
#[test]
fn several_channels() {
    for capacity in [0, 1, 10, 100] {
        let wg = Arc::new(WaitGroup::new());
        for _ in 0..10 {
            let ch = Chan::with_capacity(capacity);
            let out = ch.sender();
            wg.go(move || (0..200).for_each(|i| out.send(i)));
            wg.go(move || (0..200).for_each(|i| assert_eq!(ch.recv(), Some(i))));
        }
        wg.wait();
    }
}

/// CH-044: each value goes to exactly one of 10 receivers.
#[test]
fn ten_receivers() {
    let (ch, wg, seen) =
        (Chan::new(), Arc::new(WaitGroup::new()), Arc::new([const { AtomicUsize::new(0) }; 1000]));
    for _ in 0..10 {
        let (ch, seen) = (ch.clone(), Arc::clone(&seen));
        wg.go(move || ch.iter().for_each(|i: usize| _ = seen[i].fetch_add(1, Ordering::Relaxed)));
    }
    (0..1000).for_each(|i| ch.send(i));
    ch.close();
    wg.wait();
    assert!(seen.iter().all(|n| n.load(Ordering::Relaxed) == 1));
}

/// CH-045, CH-046: channels of channels; what is sent is the whole expression.
#[test]
fn channels_of_channels() {
    let requests = Chan::<(i32, Chan<i32>)>::new();
    go!([requests] for (n, reply) in requests { reply.send(n * n) });
    let reply = Chan::new();
    let squares = (1..5).map(|n| {
        requests.send((n, reply.clone()));
        reply.recv().unwrap()
    });
    assert_eq!(squares.collect::<Vec<_>>(), [1, 4, 9, 16]);
    requests.close();
    let ch = Chan::with_capacity(1);
    let (a, b) = (false, true);
    ch.send(a || b);
    assert_eq!(ch.recv(), Some(true));
}

/// CH-047: elements of size zero count.
#[test]
fn zero_sized() {
    let ch = Chan::with_capacity(3);
    (0..3).for_each(|_| ch.send(()));
    assert_eq!((ch.len(), ch.try_send(()).is_err()), (3, true));
    ch.close();
    assert_eq!(ch.iter().count(), 3);
    let unbuffered = Chan::new();
    go!([unbuffered](0..10).for_each(|_| unbuffered.send([0_u64; 0])));
    (0..10).for_each(|_| assert!(unbuffered.recv().is_some()));
}

/// CH-048: the prime sieve.
#[test]
fn sieve() {
    let numbers = Chan::new();
    go!([numbers] { (2..).take_while(|&i| numbers.checked_send(i).is_ok()).for_each(drop) });
    let mut input = numbers.clone();
    let mut primes = Vec::new();
    for _ in 0..100 {
        let prime: u32 = input.recv().unwrap();
        primes.push(prime);
        let output = Chan::new();
        go!([input, output] {
            for i in &input {
                if i % prime != 0 && output.checked_send(i).is_err() {
                    break;
                }
            }
        });
        input = output;
    }
    assert_eq!((primes[..6].to_vec(), primes[99]), (vec![2, 3, 5, 7, 11, 13], 541));
}

/// CH-050: Hamming's numbers by three streams that feed each other.
#[test]
fn hamming() {
    let factor = |f: u64| {
        let (input, output) = (Chan::<u64>::with_capacity(1000), Chan::<u64>::with_capacity(1000));
        go!([input, output] for v in input { output.send(f * v) });
        (input, output)
    };
    let streams = [factor(2), factor(3), factor(5)];
    let mut heads = [0; 3];
    let (mut x, mut found) = (1, Vec::new());
    for _ in 0..40 {
        found.push(x);
        for ((input, output), head) in streams.iter().zip(&mut heads) {
            input.send(x);
            while *head <= x {
                *head = output.recv().unwrap();
            }
        }
        x = *heads.iter().min().unwrap();
    }
    assert_eq!(found[..12], [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16]);
    assert_eq!(found[39], 144);
}

/// CH-053: who comes to a full channel with blocked senders takes the oldest buffered value.
#[test]
fn order_of_a_full_channel() {
    for capacity in [1, 3] {
        let ch = Chan::with_capacity(capacity);
        (0..capacity).for_each(|i| ch.send(i));
        for i in capacity..capacity + 4 {
            go!(name = "in order", [ch] ch.send(i));
            wait_for_senders("in order", i + 1 - capacity);
        }
        (0..capacity + 4).for_each(|i| assert_eq!(ch.recv(), Some(i)));
    }
}

/// Until so many goroutines of this name wait in a send.
fn wait_for_senders(name: &str, n: usize) {
    let here = |dump: &str| {
        let blocks = dump.split("\n\n").filter(|g| g.contains("[chan send]") && g.contains(name));
        blocks.count()
    };
    while here(&runtime::stack_dump()) < n {
        std::thread::sleep(common::ms(1));
    }
}

/// CH-053, without waiting: a full channel with blocked senders is never empty, also while another one takes from it.
#[test]
fn a_full_channel_never_looks_empty() {
    const SENDERS: usize = 32;
    guarded("a full channel", || {
        for round in 0..if cfg!(debug_assertions) { 100 } else { 1_000 } {
            let ch = Chan::with_capacity(1);
            ch.send(0);
            // A dump shows a goroutine that has been woken by another thread as waiting until it runs: so each round has its name.
            let name = format!("never empty, round {round}");
            for i in 0..SENDERS {
                go!(name = name.clone(), [ch] ch.send(i));
            }
            wait_for_senders(&name, SENDERS);
            let ready = AtomicUsize::new(0);
            std::thread::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        ready.fetch_add(1, Ordering::SeqCst);
                        while ready.load(Ordering::SeqCst) < 2 {
                            std::hint::spin_loop();
                        }
                        (0..SENDERS / 2).for_each(|_| assert!(ch.try_recv().is_ok()));
                    });
                }
            });
            assert!(ch.try_recv().is_ok());
        }
    });
}

/// CH-056: `for` ends with the channel.
#[test]
fn iteration() {
    let ch = Chan::with_capacity(3);
    (0..3).for_each(|i| ch.send(i));
    ch.close();
    let mut seen = Vec::new();
    for v in &ch {
        seen.push(v);
    }
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!((ch.iter().count(), ch.receiver().iter().count(), ch.into_iter().count()), (0, 0, 0));
}

/// CH-058: generic helpers. (Those that stop by a context come with contexts.)
#[test]
fn generic_helpers() {
    fn read_all<T>(input: &Recv<T>) -> Vec<T> {
        input.iter().collect()
    }
    fn merge<T: Send + 'static>(a: Recv<T>, b: Recv<T>) -> Recv<T> {
        let (out, wg) = (Chan::new(), Arc::new(WaitGroup::new()));
        for input in [a, b] {
            let out = out.sender();
            wg.go(move || input.iter().for_each(|v| out.send(v)));
        }
        go!([out] {
            wg.wait();
            out.close();
        });
        out.receiver()
    }
    fn filter<T: Send + 'static>(input: Recv<T>, keep: fn(&T) -> bool) -> Recv<T> {
        let out = Chan::new();
        go!([out] {
            input.iter().filter(keep).for_each(|v| out.send(v));
            out.close();
        });
        out.receiver()
    }
    fn numbers(range: std::ops::Range<u32>) -> Recv<u32> {
        let out = Chan::new();
        go!([out] {
            range.for_each(|v| out.send(v));
            out.close();
        });
        out.receiver()
    }
    fn sink<T: Send + 'static>() -> Sender<T> {
        let ch = Chan::<T>::new();
        go!([ch] for _ in ch {});
        ch.sender()
    }
    let mut all = read_all(&filter(merge(numbers(0..50), numbers(50..100)), |v| v % 2 == 0));
    all.sort_unstable();
    assert!(all.into_iter().eq((0..100).step_by(2)));
    let sink = sink();
    (0..10).for_each(|i| sink.send(i));
    sink.close();
}

/// CH-060: exclusive access by a channel of capacity 1.
#[test]
fn exclusive() {
    let token = Chan::with_capacity(1);
    token.send(0);
    let wg = Arc::new(WaitGroup::new());
    for i in 0..100 {
        let token = token.clone();
        wg.go(move || {
            let got = if i % 2 == 0 { token.try_recv().ok() } else { None };
            let value = got.or_else(|| token.recv()).unwrap();
            runtime::gosched();
            token.send(value + 1);
        });
    }
    wg.wait();
    assert_eq!((token.try_recv(), token.try_recv()), (Ok(100), Err(TryRecvError::Empty)));
}

/// What is still buffered when the last handle goes is dropped once; nothing is dropped twice or never.
#[test]
fn every_value_is_dropped_once() {
    let token = Arc::new(());
    for capacity in [0, 1, 5] {
        let ch = Chan::with_capacity(capacity);
        (0..capacity).for_each(|_| ch.send(Arc::clone(&token)));
        drop(ch.try_send(Arc::clone(&token)));
        assert_eq!(Arc::strong_count(&token), capacity + 1);
        ch.try_recv().ok();
        ch.close();
        drop(ch.checked_send(Arc::clone(&token)));
        drop((ch.receiver(), ch));
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

/// A destructor that panics does not keep the other buffered values from being dropped, however many panic.
#[test]
fn buffered_values_that_panic_when_dropped() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("boom");
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let ch = Chan::with_capacity(5);
    (0..5).for_each(|_| ch.send(Bomb(Arc::clone(&dropped))));
    assert_eq!(panic_text(|| drop(ch)), "boom");
    assert_eq!(dropped.load(Ordering::Relaxed), 5);
}

/// A channel inside its own buffer, and a long chain of channels in channels: freeing them takes no deep stack.
#[test]
fn channels_within_channels() {
    struct Nested(#[expect(dead_code, reason = "held")] Option<Chan<Nested>>);
    let mut inner = None;
    for _ in 0..100 {
        let ch = Chan::with_capacity(1);
        ch.send(Nested(inner.take()));
        inner = Some(ch);
    }
    drop(inner);
}
