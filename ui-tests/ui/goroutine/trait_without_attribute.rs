use goconc::prelude::*;

trait Worker {
    fn work(&self, jobs: Recv<i32>);
}

struct Miner;

impl Worker for Miner {
    #[goroutine]
    fn work(&self, jobs: Recv<i32>) {
        jobs.recv();
    }
}

fn main() {}
