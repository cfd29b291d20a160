//! A program that knows goconc under another name, is of edition 2021, and allows neither `unsafe` nor warnings.
//!
//! It has a local variable for each name in an expansion: none of them is seen there.

#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(future_incompatible, keyword_idents, let_underscore, nonstandard_style, rust_2018_idioms, unused)]
#![deny(
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    missing_docs,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results
)]

use std::cell::Cell;
use std::fmt::Display;
use std::sync::Arc;

use other::chan::Send;
use other::prelude::*;

other::goroutine_local! {
    /// How often this goroutine was counted.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// Counts the jobs it passes on.
struct Counter {
    results: Chan<String>,
}

impl Counter {
    #[goroutine(crate = "other")]
    fn pass_on<T: Display>(&self, jobs: Recv<T>, mut results: Send<String>) {
        for job in jobs {
            COUNT.set(COUNT.get() + 1);
            results.send(format!("{} {job}", COUNT.get()));
            results = (&self.results).into();
        }
        results.close();
    }

    #[must_use]
    fn describe(self: &Arc<Self>) -> String {
        self.results.send("described".into());
        String::from("nobody reads this")
    }
}

/// An interface with directions.
trait Source {
    /// Sends all it has.
    fn send_all(&self, into: Send<u32>);
}

/// The numbers below it.
struct Below(u32);

impl Source for Below {
    fn send_all(&self, into: Send<u32>) {
        (0..self.0).for_each(|n| into.send(n));
        into.close();
    }
}

#[goroutine(crate = "other")]
fn count_down(from: u32, into: Send<u32>) {
    (0..from).rev().for_each(|n| into.send(n));
}

/// Every form of `go!`, and what it gives.
#[allow(clippy::similar_names, reason = "the names of an expansion are similar")]
fn forms() -> Result<u32, std::num::ParseIntError> {
    let sum = Chan::new();
    let (arg0, arg1, held, receiver, callee, options) = (1, 2, 3, 4, 5, 6);
    let add = |numbers: [u32; 6], into: &Chan<u32>| into.send(numbers.iter().sum());
    go!(name = "adds", stack_size = "64 KiB", add([arg0, arg1, held, receiver, callee, options], &sum));
    let mut total = sum.recv_or_default();
    go!(count_down("2".parse()?, &sum));
    total += sum.recv_or_default() + sum.recv_or_default();
    go!([sum, mut arg0] {
        arg0 += 1;
        sum.send(arg0);
    });
    total += sum.recv_or_default();
    go!([sum] || sum.send(arg1));
    total += sum.recv_or_default();
    go! { sum.send(held) }
    Ok(total)
}

/// Every form of an arm.
#[allow(clippy::similar_names, reason = "the names of an expansion are similar")]
fn arms() -> Vec<u32> {
    let (slot0, slot1, chosen) = (Chan::with_capacity(4), Chan::new(), true);
    let mut seen = Vec::new();
    select! { slot0 <- 1 => seen.push(0) }
    select! { slot0 <- 2, if chosen => seen.push(0), <-slot1 => unreachable!() }
    select! { slot0 <- 3 => {} default => unreachable!() }
    select! { biased; slot0 <- 4 => {}, slot1 <- 5 => unreachable!(), default => unreachable!() }
    select! { value = <-slot0 => seen.extend(value) }
    select! { value := <-slot0 => seen.push(value), <-slot1 => unreachable!() }
    select! {
        mut value, ok := <-slot0 => {
            value += u32::from(ok);
            seen.push(value);
        }
        #[cfg(any())]
        <-no_such_channel => {}
        value = <-slot1, if !chosen => seen.extend(value),
    }
    select! { <-slot0 => {} <-slot1 => unreachable!(), default => unreachable!() }
    slot0.close();
    select! { value, ok := <-slot0 => seen.extend([value, ok.into()]), <-slot1 => {} }
    select! { (Some(_) | None) = <-slot1 => unreachable!(), default => seen.push(9) }
    let late = time::after(time::Duration::ZERO);
    select! { _ = <-late => seen.push(10), <-slot1 => {} }
    let result = other::spawn(|| 11);
    select! { biased; <-slot1 => {}, result = <-result => seen.extend(result.ok()) }
    for n in 12.. {
        seen.push(select! { <-slot1 => continue, default => if n == 13 { break } else { n } });
    }
    seen
}

/// What the panic says; `recover` by its path, which works as the name in the prelude does.
#[goroutine(crate = "other")]
fn message(of: impl FnOnce()) -> String {
    defer!(if let Some(panic) = other::recover() {
        panic.returning(panic.to_string());
    });
    of();
    String::new()
}

/// Every form of `defer!`. The names of the expansion are in use.
#[allow(clippy::similar_names, reason = "the names of an expansion are similar")]
fn deferred(log: &Chan<String>) {
    let (arg0, arg1, receiver, callee) = (1, 2, 3, 4);
    let send = |numbers: [u32; 4]| log.send(format!("{numbers:?}"));
    let counter = Cell::new(0);
    defer! { log.send(format!("block {}", counter.get())) }
    defer!(send([arg0, arg1, receiver, callee]));
    defer!(log.send("method".into()));
    defer!(|| log.send("closure".into()));
    defer!([log, mut arg0] {
        arg0 += 6;
        log.send(format!("clone {arg0}"));
    });
    defer!(println!("made when {}", counter.get()));
    counter.set(5);
}

/// Replaces a panic, and returns what the deferred call gives.
#[goroutine(crate = "other")]
fn halve(n: u32) -> Result<u32, String> {
    defer! {
        if let Some(panic) = recover() {
            panic.returning(Err::<u32, String>(format!("{panic}, {}", panic.message())));
        }
    }
    if n % 2 == 1 {
        other::panic("odd");
    }
    Ok(n / 2)
}

#[goroutine(crate = "other", gomaxprocs = 2)]
fn main() -> Result<(), std::num::ParseIntError> {
    let (jobs, first, rest) = (Chan::with_capacity(2), Chan::new(), Chan::new());
    let counter = Arc::new(Counter { results: rest.clone() });
    go!(counter.pass_on(&jobs, &first));
    jobs.send('a');
    jobs.send('b');
    jobs.close();
    println!("{}, {}", first.recv_or_default(), rest.recv_or_default());
    println!("{:?}", rest.recv());

    let counter = Arc::new(Counter { results: Chan::with_capacity(1) });
    go!([counter] counter.describe());
    println!("{}", counter.results.recv_or_default());

    let numbers = Chan::new();
    go!([numbers] Below(3).send_all(numbers.sender()));
    println!("{:?}", numbers.iter().collect::<Vec<_>>());

    println!("{}", forms()?);
    println!("{:?}", arms());
    let log = Chan::with_capacity(10);
    deferred(&log);
    log.close();
    println!("{:?}", log.iter().collect::<Vec<_>>());
    println!("{:?}, {:?}, {}", halve(4), halve(5), message(|| panic!("by path")));
    Ok(())
}
