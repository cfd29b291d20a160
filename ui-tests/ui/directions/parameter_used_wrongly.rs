// CH-033
use goconc::prelude::*;

#[goroutine]
fn worker(jobs: Recv<i32>, results: chan::Send<i32>) {
    jobs.send(1);
    results.recv();
}

fn main() {
    let ch = Chan::<i32>::new();
    worker(&ch, &ch);
}
