//! The storms of `goconc_tests::stress`: `stress [NAME] [ROUNDS]`, all of them once by default.
//!
//! For example `GOMAXPROCS=4 GOCONC_DEBUG=sticky=1 taskset -c 0 stress everything 100`. No thread-locals here: goroutines move.

use goconc_tests::stress;

fn main() {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let rounds = args.next().map_or(1, |n| n.parse().expect("a number of rounds"));
    println!("{}", goconc::runtime::migration());
    for _ in 0..rounds {
        for (known, storm) in stress::STORMS {
            if name.is_empty() || name == "all" || name == *known {
                stress::run(known, *storm);
            }
        }
    }
}
