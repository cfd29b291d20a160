//! Errors of many goroutines, collected through a channel.
//!
//! Go: the first of the ways in seed 000, 处理并发错误 (将错误发送到一个channel通道中), answering its 如何将错误返回呢？ without a network:
//! instead of fetching URLs the goroutines read numbers. They finish in any order; the program sorts what they say.
//!
//! Run: `cargo run --release -p goconc-examples --bin error_channel`

use std::num::ParseIntError;

use goconc::{Send, prelude::*};

#[derive(Debug)]
struct Outcome {
    text: &'static str,
    number: Result<i32, ParseIntError>,
}

#[goroutine]
fn read_number(text: &'static str, out: Send<Outcome>) {
    out.send(Outcome { text, number: text.parse() });
}

#[goroutine]
fn main() {
    let texts = ["12", "0x1F", "", "-7"];
    let out = Chan::<Outcome>::new();
    for text in texts {
        go!(read_number(text, &out));
    }

    let mut outcomes = Vec::from_iter(out.iter().take(texts.len()));
    outcomes.sort_unstable_by_key(|outcome| outcome.text);
    for Outcome { text, number } in outcomes {
        match number {
            Ok(number) => println!("{text:?} is {number}"),
            Err(err) => println!("{text:?}: {err}"),
        }
    }
}
