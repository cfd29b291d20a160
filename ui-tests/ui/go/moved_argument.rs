use goconc::prelude::*;

fn worker(jobs: Recv<i32>) {
    jobs.recv();
}

fn main() {
    let (_tx, jobs) = Chan::new().split();
    go!(worker(jobs));
    jobs.recv();
}
