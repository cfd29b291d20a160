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
fn recovers() -> i32 {
    defer! {
        if let Some(panic) = recover() {
            panic.returning(8);
        }
    }
    panic!("ends here")
}

#[goroutine]
fn main() {
    let ch = Chan::new();
    go!(send(&ch));
    println!("{:?}", ch.recv());
    println!("{} {}", recovers(), select! { value := <-ch => value, default => 9 });
}
