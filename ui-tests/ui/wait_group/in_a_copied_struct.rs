use goconc::prelude::*;

#[derive(Clone)]
struct Pool {
    wg: sync::WaitGroup,
    jobs: Chan<i32>,
}

fn main() {}
