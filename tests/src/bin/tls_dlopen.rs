//! Moves until the library named by the first argument is loaded; prints the state before and after.

mod tls_report;

use std::ffi::CString;

#[goconc::goroutine]
fn main() {
    tls_report::report();
    let path = CString::new(std::env::args().nth(1).unwrap()).unwrap();
    // SAFETY: the test's library runs no code when it is loaded.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null());
    tls_report::report();
}
