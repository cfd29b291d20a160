//! Must move: no thread-locals of its own, but a good deal of std that has some.

mod tls_report;

use std::collections::HashMap;
use std::sync::mpsc;

#[goconc::goroutine]
fn main() {
    let map: HashMap<_, _> = (0..3).map(|i| (i, i)).collect();
    let (sender, receiver) = mpsc::sync_channel(0);
    std::thread::scope(|s| {
        s.spawn(|| sender.send(map.len()));
        eprintln!("{:?} {:?}", std::thread::current().id(), receiver.recv());
    });
    eprintln!("{:?}", std::panic::catch_unwind(|| std::env::var("HOME").is_ok()).is_ok());
    tls_report::report();
}
