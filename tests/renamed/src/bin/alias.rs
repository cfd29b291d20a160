//! A program that gives the renamed dependency its own name back, for all attributes at once.

#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic)]

extern crate other as goconc;

use goconc::prelude::*;

#[goroutine]
fn send(out: chan::Send<i32>) {
    out.send(7);
}

#[goroutine]
fn main() {
    let ch = Chan::new();
    go!(send(&ch));
    println!("{:?}", ch.recv());
}
