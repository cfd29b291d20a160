//! Storms of selects: static, dynamic, with timeouts and with what is no channel, against plain operations and each other.
//! No value is lost or comes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use goconc::chan::{Select, Selected, Waitable, Waiters};
use goconc::sync::WaitGroup;
use goconc::{Chan, go, select, time};

use super::{Rng, SCALE, start, us};

const N: usize = 1000 * SCALE;

/// Values of several channels through one or more selecting forwarders: each comes once. CH-028.
pub(super) fn merge() {
    let inputs: [Chan<usize>; 4] = [0, 0, 1, 5].map(Chan::with_capacity);
    let senders = Arc::new(WaitGroup::new());
    for (i, input) in inputs.iter().enumerate() {
        let input = input.clone();
        start(&senders, i == 3, move || (0..N / 4).for_each(|k| input.send(4 * k + i)));
    }
    let (stop, forwarders) = (Chan::<()>::new(), Arc::new(WaitGroup::new()));
    let out = Chan::new();
    for forwarder in 0..3 {
        let ([a, b, c, d], stop, out) = (inputs.clone(), stop.clone(), out.clone());
        start(&forwarders, forwarder == 2, move || {
            loop {
                let v = select! { v = <-a => v, v = <-b => v, v = <-c => v, v = <-d => v, <-stop => None };
                let Some(v) = v else { break };
                out.send(v);
            }
        });
    }
    let dynamic = forward_dynamically(&inputs, &stop, &out);
    let all_sent = Chan::<()>::new();
    go!([all_sent] {
        senders.wait();
        all_sent.close();
    });
    let mut seen = vec![0_u8; N];
    (0..N).for_each(|_| seen[out.recv().unwrap()] += 1);
    all_sent.recv();
    stop.close();
    forwarders.wait();
    dynamic.join().unwrap();
    assert!(seen.iter().all(|&times| times == 1));
}

fn forward_dynamically(
    inputs: &[Chan<usize>; 4],
    stop: &Chan<()>,
    out: &Chan<usize>,
) -> goconc::JoinHandle<()> {
    let (inputs, out, stop) = (inputs.clone(), out.clone(), stop.clone());
    goconc::spawn(move || {
        let mut select = Select::new();
        inputs.iter().for_each(|input| _ = select.recv(input));
        loop {
            match select.select_timeout(us(300)) {
                Some(Selected::Recv(_, Some(v))) => out.send(v),
                Some(_) => unreachable!(),
                None => select! { <-stop => return, default => {} },
            }
        }
    })
}

/// Random senders and receivers, by plain operation, by select and by `Select`; all end with equal counts. CH-018.
pub(super) fn random() {
    let channels: [Chan<usize>; 4] = [0, 0, 2, 3].map(Chan::with_capacity);
    let wg = Arc::new(WaitGroup::new());
    let n = N / 8;
    for (i, ch) in channels.iter().enumerate() {
        let (tx, rx) = (ch.clone(), ch.clone());
        start(&wg, i == 0, move || (0..n).for_each(|i| tx.send(i)));
        start(&wg, i == 2, move || (0..n).for_each(|_| _ = rx.recv().unwrap()));
    }
    for sends in [true, false] {
        let (channels, plain) = (channels.clone(), sends);
        start(&wg, plain, {
            let channels = channels.clone();
            move || select_randomly(channels, sends, n)
        });
        wg.go(move || select_dynamically(&channels, sends, n));
    }
    wg.wait();
    assert!(channels.iter().all(Chan::is_empty));
}

fn select_randomly(mut channels: [Chan<usize>; 4], sends: bool, n: usize) {
    let mut left = [n; 4];
    while left.iter().any(|&left| left > 0) {
        let [a, b, c, d] = &channels;
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
}

fn select_dynamically(channels: &[Chan<usize>; 4], sends: bool, n: usize) {
    let mut select = Select::new();
    let mut left = [n; 4];
    let mut case_of = [0; 4];
    for (channel, case) in channels.iter().zip(&mut case_of) {
        *case = if sends { select.send(channel, 0) } else { select.recv(channel) };
    }
    while !select.is_empty() {
        let (Selected::Recv(case, _) | Selected::Sent(case)) = select.select();
        let i = case_of.iter().position(|&known| known == case).unwrap();
        left[i] -= 1;
        match (left[i], sends) {
            (0, true) => case_of[i] = usize::MAX,
            (0, false) => {
                select.remove(case);
                case_of[i] = usize::MAX;
            }
            (_, true) => case_of[i] = select.send(&channels[i], 0),
            (_, false) => {}
        }
    }
}

/// Both directions of one channel in every select: none serves itself. CH-016, CH-017.
pub(super) fn both_directions() {
    let (ch, wg) = (Chan::new(), Arc::new(WaitGroup::new()));
    let done = Chan::<()>::new();
    let (sent, received) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for me in 0..6 {
        let (ch, done, sent, received) = (ch.clone(), done.clone(), Arc::clone(&sent), Arc::clone(&received));
        let got = move |v: usize| {
            assert_ne!(v, me, "received its own value");
            received.fetch_add(1, Ordering::Relaxed);
        };
        let body = move || {
            let mut dynamic = Select::new();
            if me % 2 == 0 {
                dynamic.recv(&ch);
                dynamic.send(&ch, me);
            }
            loop {
                if me % 2 != 0 {
                    select! {
                        ch <- me => _ = sent.fetch_add(1, Ordering::Relaxed),
                        v := <-ch => got(v),
                        <-done => break,
                    }
                    continue;
                }
                match dynamic.select_timeout(us(200)) {
                    Some(Selected::Recv(_, v)) => got(v.unwrap()),
                    Some(Selected::Sent(_)) => {
                        sent.fetch_add(1, Ordering::Relaxed);
                        dynamic.send(&ch, me);
                    }
                    None => {}
                }
                // Not only after a timeout: those that are left go on serving each other, and nobody need ever wait for so long.
                select! { <-done => break, default => {} }
            }
        };
        start(&wg, me == 0 || me == 1, body);
    }
    while sent.load(Ordering::Relaxed) < N / 4 {
        time::sleep(us(200));
    }
    done.close();
    wg.wait();
    assert_eq!(sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed));
}

/// Timeouts that hit, miss, and hit at the same time as the value.
pub(super) fn timeouts() {
    let wg = Arc::new(WaitGroup::new());
    for i in 0..8 {
        let ch = Chan::with_capacity(i % 3);
        let (tx, n) = (ch.clone(), N / 40);
        wg.go(move || {
            let mut rng = Rng::new(i);
            for k in 0..n {
                if rng.below(4) == 0 {
                    time::sleep(us(rng.below(300)));
                }
                tx.send(k);
            }
            tx.close();
        });
        start(&wg, i == 0, move || {
            let mut next = 0;
            loop {
                select! {
                    v = <-ch => match v {
                        Some(v) => {
                            assert_eq!(v, next);
                            next += 1;
                        }
                        None => break,
                    },
                    <-time::after(us(100)) => {}
                }
            }
            assert_eq!(next, n);
        });
    }
    wg.wait();
}

/// A few permits, and many who want one: by waiting for it alone, or in a select beside something else.
#[derive(Debug, Default)]
struct Permits {
    free: AtomicUsize,
    waiters: Waiters,
}

impl Permits {
    fn release(&self) {
        self.free.fetch_add(1, Ordering::SeqCst);
        self.waiters.wake_one();
    }
}

impl Waitable for Permits {
    type Output = ();

    fn try_take(&self) -> Option<()> {
        let taken = self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| free.checked_sub(1));
        taken.ok().map(drop)
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }
}

/// A lost wake-up would hang: every permit that is given back has to reach somebody.
pub(super) fn waitables() {
    const PERMITS: usize = 2;
    let (permits, other) = (Arc::new(Permits::default()), Chan::<usize>::new());
    (0..PERMITS).for_each(|_| permits.release());
    let (wg, held, got) =
        (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for i in 0..10 {
        let (permits, held, got, other) =
            (Arc::clone(&permits), Arc::clone(&held), Arc::clone(&got), other.clone());
        start(&wg, i < 2, move || {
            let mut taken = 0;
            while taken < N / 20 {
                let with_permit = match i % 3 {
                    0 => {
                        permits.waiters.wait_until(|| permits.try_take());
                        true
                    }
                    1 => select! {
                        <-permits => true,
                        v = <-other => {
                            got.fetch_add(v.unwrap(), Ordering::Relaxed);
                            false
                        }
                    },
                    _ => select! {
                        <-permits => true,
                        default => {
                            goconc::runtime::gosched();
                            false
                        }
                    },
                };
                if with_permit {
                    taken += 1;
                    assert!(held.fetch_add(1, Ordering::SeqCst) < PERMITS);
                    if taken % 16 == 0 {
                        goconc::runtime::gosched();
                    }
                    held.fetch_sub(1, Ordering::SeqCst);
                    permits.release();
                }
            }
        });
    }
    let stop = Chan::<()>::new();
    let (theirs, stopped) = (other.clone(), stop.clone());
    let sender = goconc::spawn(move || {
        let mut sent = 0;
        loop {
            select! { theirs <- 1 => sent += 1, <-stopped => return sent }
        }
    });
    wg.wait();
    stop.close();
    let sent: usize = sender.join().unwrap();
    assert_eq!((sent, permits.free.load(Ordering::SeqCst)), (got.load(Ordering::Relaxed), PERMITS));
}

/// Channels are closed while all kinds of selects wait for them and send to them.
pub(super) fn closing() {
    for round in 0..10 * SCALE {
        let channels: [Chan<usize>; 3] = [0, 0, 1].map(Chan::with_capacity);
        let (wg, received) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
        let sent = Arc::new(AtomicUsize::new(0));
        for i in 0..3 {
            let (channels, received) = (channels.clone(), Arc::clone(&received));
            start(&wg, i == 2 && round % 4 == 0, move || {
                let mut select = Select::new();
                channels.iter().for_each(|ch| _ = select.recv(ch));
                while !select.is_empty() {
                    match select.select() {
                        Selected::Recv(_, Some(_)) => _ = received.fetch_add(1, Ordering::Relaxed),
                        Selected::Recv(i, None) => _ = select.remove(i),
                        Selected::Sent(_) => unreachable!(),
                    }
                }
            });
        }
        for (i, channel) in channels.iter().enumerate() {
            let (channel, sent) = (channel.clone(), Arc::clone(&sent));
            wg.go(move || {
                let quit = Chan::<()>::nil();
                for k in 0..20 {
                    select! { channel <- k => _ = sent.fetch_add(1, Ordering::Relaxed), <-quit => {} }
                }
                if i == round % 3 {
                    goconc::runtime::gosched();
                }
                channel.close();
            });
        }
        wg.wait();
        assert_eq!(sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed));
    }
}
