#![deny(unused_must_use)]

fn main() {
    let handle = goconc::spawn(|| 6 * 7);
    handle.join();
}
