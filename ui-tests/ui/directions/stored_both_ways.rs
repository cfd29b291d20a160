// CH-034: what was given away as one side is not both again.
use goconc::prelude::*;

struct Queue {
    jobs: Chan<i32>,
}

fn main() {
    let jobs = Chan::new();
    let todo: Recv<i32> = (&jobs).into();
    let _ = Queue { jobs: todo.into() };
    jobs.close();
}
