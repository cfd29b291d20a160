// Watchdog, as Go has it: the goroutine keeps `self`.
use goconc::prelude::*;

struct Watchdog {
    last: u64,
}

impl Watchdog {
    fn start(&self) {
        go! { println!("{}", self.last) }
    }
}

fn main() {
    Watchdog { last: 0 }.start();
}
