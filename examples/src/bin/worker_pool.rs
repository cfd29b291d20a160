//! Three workers take five jobs from one channel and send what they make of them to another.
//!
//! Go: the worker pool of "Go by Example". Which worker gets which job is random in Go and here, so the lines of the
//! workers come in any order (the test sorts); the results are summed up, which needs no order.
//!
//! Run: `cargo run --release -p goconc-examples --bin worker_pool`

use std::time::Duration;

use goconc::{Send, prelude::*};

const WORKERS: u32 = 3;
const JOBS: u32 = 5;

#[goroutine]
fn worker(jobs: Recv<u32>, results: Send<u32>) {
    for job in &jobs {
        println!("started  job {job}");
        time::sleep(Duration::from_millis(20)); // an expensive task
        println!("finished job {job}");
        results.send(job * 2);
    }
}

#[goroutine]
fn main() {
    let jobs = Chan::<u32>::with_capacity(JOBS as usize);
    let results = Chan::<u32>::with_capacity(JOBS as usize);

    for _ in 0..WORKERS {
        go!(worker(&jobs, &results));
    }
    for job in 1..=JOBS {
        jobs.send(job);
    }
    jobs.close();

    let sum: u32 = results.iter().take(JOBS as usize).sum();
    println!("sum of the results: {sum}");
}
