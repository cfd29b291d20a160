//! A program that gets goconc through another crate and has no dependency of that name. It allows neither `unsafe` nor
//! warnings.

#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic, missing_docs, unused, unused_qualifications)]

use facade::prelude::*;
use facade::{background, start};

#[goroutine(crate = "facade::goconc")]
fn square(n: u32, into: facade::goconc::Send<u32>) {
    into.send(n * n);
}

facade::goconc::goroutine_local! {
    static NAME: &'static str = "main";
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
}
