//! Telling a value from the end: a closed channel first gives what is in its buffer.
//!
//! Go: `f2` of seed 000, 多返回值模式. Go's `v, ok := <-ch` is an `Option` here: there is no `v` without `ok`.
//!
//! Run: `cargo run --release -p goconc-examples --bin comma_ok`

use goconc::prelude::*;

#[goroutine]
fn f2(ch: Recv<i32>) {
    loop {
        let Some(v) = ch.recv() else {
            println!("通道已关闭");
            break;
        };
        println!("v:{v} ok:true");
    }
}

#[goroutine]
fn main() {
    let ch = Chan::<i32>::with_capacity(2);
    ch.send(1);
    ch.send(2);
    ch.close();
    f2(&ch);
    println!("v:{} (the zero value, for ever)", ch.recv_or_default()); // v := <-ch
}
