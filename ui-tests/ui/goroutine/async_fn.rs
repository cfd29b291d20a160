use goconc::prelude::*;

#[goroutine]
async fn worker(jobs: Recv<i32>) {
    jobs.recv();
}

fn main() {}
