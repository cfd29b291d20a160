//! What the `tls_*` programs share: they print whether started goroutines move, once it is decided.

use std::time::{Duration, Instant};

/// Longer than any proof takes; the programs print "not finished" after it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for the proof and prints `moving`, or `sticky: ..` with the reason.
pub(crate) fn report() {
    let start = Instant::now();
    loop {
        let text = goconc::runtime::migration().to_string();
        if !text.contains("not finished") || start.elapsed() > PATIENCE {
            println!("{text}");
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
