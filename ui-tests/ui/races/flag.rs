// A busy wait for a plain variable: nothing says that the write is ever seen.
use goconc::prelude::*;

fn main() {
    let mut ready = false;
    goconc::scope(|s| {
        s.go(|| ready = true);
        while !ready {
            runtime::gosched();
        }
    });
}
