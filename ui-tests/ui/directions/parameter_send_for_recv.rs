// CH-034
use goconc::prelude::*;

#[goroutine]
fn worker(jobs: Recv<i32>) {
    jobs.recv();
}

fn main() {
    let (tx, _rx) = Chan::<i32>::new().split();
    worker(&tx);
}
