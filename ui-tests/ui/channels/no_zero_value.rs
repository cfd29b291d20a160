use goconc::prelude::*;

struct Job;

fn main() {
    let ch = Chan::<Job>::new();
    ch.recv_or_default();
}
