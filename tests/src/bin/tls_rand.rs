//! Must not move: `rand::rng()` is an `Rc` shared with the thread.

mod tls_report;

#[goconc::goroutine]
fn main() {
    eprintln!("{}", rand::random::<u8>());
    tls_report::report();
}
