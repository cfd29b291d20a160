use goconc::prelude::*;
use std::sync::Mutex;

static COUNTER: Mutex<i32> = Mutex::new(0);

fn main() {
    let mut counter = COUNTER.lock().unwrap();
    go! { *counter += 1 }
}
