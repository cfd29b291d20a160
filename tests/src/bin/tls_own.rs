//! Must not move: thread-locals of its own, of each kind the macro makes.

mod tls_report;

use std::cell::{Cell, RefCell};

thread_local! {
    static PLAIN: Cell<u64> = const { Cell::new(3) };
    static DROPPED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static LAZY: Cell<u32> = Cell::new(std::process::id());
    static LAZY_DROPPED: RefCell<Vec<u8>> = RefCell::new(vec![std::process::id() as u8]);
}

#[goconc::goroutine]
fn main() {
    thread_local! { static INNER: Cell<u16> = const { Cell::new(9) }; }
    PLAIN.set(PLAIN.get() + 1);
    DROPPED.with_borrow_mut(|v| v.push(1));
    LAZY_DROPPED.with_borrow_mut(|v| v.push(1));
    INNER.set(INNER.get() + 1);
    eprintln!("{} {} {} {}", PLAIN.get(), LAZY.get(), INNER.get(), DROPPED.with_borrow(Vec::len));
    tls_report::report();
}
