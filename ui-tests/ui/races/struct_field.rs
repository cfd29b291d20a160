// Watchdog: a goroutine reads the field that `keep_alive` writes.
struct Watchdog {
    last: u64,
}

impl Watchdog {
    fn keep_alive(&mut self) {
        self.last += 1;
    }
}

fn main() {
    let mut dog = Watchdog { last: 0 };
    goconc::scope(|s| {
        s.go(|| println!("{}", dog.last));
        dog.keep_alive();
    });
}
