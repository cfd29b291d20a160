//! Must not move: `SendWrapper` has no thread-local, but lets two goroutines of one thread share an `Rc`.

mod tls_report;

use send_wrapper::SendWrapper;
use std::rc::Rc;

#[goconc::goroutine]
fn main() {
    let shared = SendWrapper::new(Rc::new(1));
    eprintln!("{}", Rc::strong_count(&shared));
    tls_report::report();
}
