// In Go, a race between this goroutine and the receiver.
use goconc::prelude::*;

fn main() {
    let ch = Chan::new();
    let mut job = vec![1, 2, 3];
    ch.send(job);
    job.push(4);
}
