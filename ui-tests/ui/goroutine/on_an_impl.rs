use goconc::prelude::*;

struct Worker;

#[goroutine]
impl Worker {
    fn work(&self, _jobs: Recv<i32>) {}
}

fn main() {}
