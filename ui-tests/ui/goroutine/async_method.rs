use goconc::prelude::*;

struct Worker;

impl Worker {
    #[goroutine]
    async fn work(&self, jobs: Recv<i32>) -> Option<i32> {
        jobs.recv()
    }
}

fn main() {}
