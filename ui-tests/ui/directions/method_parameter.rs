// CH-034
use goconc::prelude::*;

struct Worker;

impl Worker {
    #[goroutine]
    fn work(&self, jobs: Recv<i32>) {
        jobs.recv();
    }
}

fn main() {
    let (jobs, _todo) = Chan::<i32>::new().split();
    Worker.work(&jobs);
}
