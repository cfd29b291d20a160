//! The programs every runtime is asked for.

use std::hint::black_box;

use goconc::{Chan, go};

use crate::recorder::{Recorder, check, sum_below};

/// 503 goroutines in a ring pass a number on, which says how often; an operation is a hop.
pub(super) fn ring(r: &Recorder) {
    const MEMBERS: usize = 503;
    const N: isize = 1_000_000;
    r.best(N as usize, || {
        let (first, done) = (Chan::new(), Chan::new());
        let mut input = first.clone();
        for _ in 0..MEMBERS - 1 {
            let output = Chan::new();
            go!([input, output, done] { ring_member(&input, &output, &done) });
            input = output;
        }
        go!([input, first, done] { ring_member(&input, &first, &done) });
        first.send(N);
        check("what the ring says at the end", done.recv_or_default(), 1);
    });
}

/// Passes on each number less one, until it is 0.
fn ring_member(input: &Chan<isize>, output: &Chan<isize>, done: &Chan<isize>) {
    for v in input {
        if v == 0 {
            done.send(1);
            return;
        }
        output.send(v - 1);
    }
}

/// A tree of goroutines with ten children each and a million leaves, which adds up the numbers of its leaves.
pub(super) fn skynet_1m(r: &Recorder) {
    let n = r.size_or(1_000_000) as isize;
    // The leaves and the inner nodes.
    r.best((n * 10 / 9) as usize, || {
        let c = Chan::new();
        go!([c] { skynet(&c, 0, n, 10) });
        check("sum of the leaves", c.recv_or_default(), sum_below(n));
    });
}

/// Sends the sum of the numbers `num .. num + size` to `c`.
fn skynet(c: &Chan<isize>, num: isize, size: isize, div: isize) {
    if size == 1 {
        c.send(num);
        return;
    }
    let rc = Chan::new();
    for i in 0..div {
        go!([rc] { skynet(&rc, num + i * (size / div), size / div, div) });
    }
    let mut sum = 0;
    for _ in 0..div {
        sum += rc.recv_or_default();
    }
    c.send(sum);
}

/// 1500 filters in a row, each with a prime of its own.
pub(super) fn sieve_1500(r: &Recorder) {
    r.once(1, || check("prime 1500", sieve(1500), 12_553));
}

/// The `n`th prime.
fn sieve(n: usize) -> isize {
    let mut ch = Chan::new();
    go!([ch] {
        for i in 2.. {
            ch.send(i);
        }
    });
    let mut prime = 0;
    for _ in 0..n {
        prime = ch.recv_or_default();
        let next = Chan::new();
        go!([ch, next] {
            loop {
                let v = ch.recv_or_default();
                if v % prime != 0 {
                    next.send(v);
                }
            }
        });
        ch = next;
    }
    prime
}

/// Fibonacci numbers, a goroutine for each above 20.
pub(super) fn pfib_36(r: &Recorder) {
    r.best(1, || check("fib(36)", pfib(black_box(36)), 14_930_352));
}

/// A Fibonacci number, by goroutines down to 20.
fn pfib(n: isize) -> isize {
    if n < 20 {
        return fib(n);
    }
    let c = Chan::with_capacity(1);
    go!([c] { c.send(pfib(n - 1)) });
    let b = pfib(n - 2);
    c.recv_or_default() + b
}

/// A Fibonacci number, the slow way on purpose.
fn fib(n: isize) -> isize {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}
