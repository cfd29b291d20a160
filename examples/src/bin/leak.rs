//! A goroutine that can never end: nobody will ever send what it waits for.
//!
//! Go: `leak` of seed 002, 不要创建一个永远都无法退出的 goroutine, without its http server. Not a deadlock, main goes on; when main
//! returns the process ends with the goroutine still waiting. goconc can tell: nobody else has the channel any more.
//!
//! Run: `cargo run --release -p goconc-examples --bin leak`

use goconc::prelude::*;

#[goroutine]
fn main() {
    let started = Chan::<()>::new();
    let ch = Chan::<bool>::new();
    go!([started] {
        println!("异步任务做一些操作");
        started.send(());
        ch.recv();
    });
    started.recv();
    println!("will leak");
    println!("goroutines: {}", runtime::num_goroutine());
}
