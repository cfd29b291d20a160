use goconc::prelude::*;

#[goroutine]
fn worker(jobs: Recv<i32>) {
    jobs.recv();
}

fn main() {
    let ch = Chan::<String>::new();
    go!(worker(&ch));
}
