use goconc::prelude::*;

#[goroutine]
fn worker(jobs: Recv<impl Copy>) {
    jobs.recv();
}

fn main() {}
