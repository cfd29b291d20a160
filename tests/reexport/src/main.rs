//! A program that gets goconc through another crate and has no dependency of that name. It allows neither `unsafe` nor
//! warnings.

#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic, missing_docs, unused, unused_qualifications)]

use facade::prelude::*;
use facade::{at_end, background, choose, or_else, poll, start};

#[goroutine(crate = "facade::goconc")]
fn square(n: u32, into: facade::goconc::Send<u32>) {
    into.send(n * n);
}

facade::goconc::goroutine_local! {
    static NAME: &'static str = "main";
}

/// `recover` by the name in the prelude, and inside a macro of another crate.
#[goroutine(crate = "facade::goconc")]
fn root(n: i32, log: &Chan<String>) -> Option<u32> {
    or_else!(Some(0_u32));
    at_end! { log.send(format!("end of {n}")) }
    facade::goconc::defer!(|| {
        if n < -1
            && let Some(panic) = recover()
        {
            panic.returning(None::<u32>);
        }
    });
    defer!([log] log.send("first".into()));
    Some(u32::try_from(n).expect("a root").isqrt())
}

/// Every way to a `select!`.
fn arms() -> Vec<u32> {
    let (ch, never) = (Chan::with_capacity(3), Chan::<u32>::new());
    let mut seen = Vec::new();
    select! { ch <- 1 => {}, value := <-never => seen.push(value) }
    choose! { ch <- 2 => {} default => unreachable!() }
    facade::goconc::select! { biased; value := <-ch => seen.push(value), <-never => {} }
    choose! { value, ok := <-ch => seen.extend([value, ok.into()]), <-time::after(time::HOUR) => {} }
    seen.extend(poll!(ch));
    ch.send(3);
    seen.extend(poll!(ch));
    seen
}

#[goroutine(crate = "facade::goconc", sticky)]
fn main() {
    let squares = Chan::new();
    go!(square(2, &squares));
    println!("{:?}", squares.recv());
    facade::goconc::go!([squares] square(3, squares));
    println!("{:?}", squares.recv());
    start!(square(4, &squares));
    println!("{:?}", squares.recv());
    // Evaluated in the goroutine: in the caller these would wait for ever.
    let numbers = Chan::new();
    let (from, into) = (numbers.clone(), squares.clone());
    background!(square(from.recv_or_default(), into));
    numbers.send(5);
    println!("{:?}", squares.recv());
    let (from, into) = (numbers.clone(), squares.clone());
    start! { square(from.recv_or_default(), into) }
    numbers.send(6);
    println!("{:?}", squares.recv());
    println!("{:?}", arms());
    let log = Chan::with_capacity(10);
    println!("{:?} {:?} {:?}", root(9, &log), root(-1, &log), root(-2, &log));
    log.close();
    println!("{}", log.iter().collect::<Vec<_>>().join(", "));
}
