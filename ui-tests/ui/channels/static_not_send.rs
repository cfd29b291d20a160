use goconc::prelude::*;
use std::rc::Rc;

static JOBS: Chan<Rc<i32>> = Chan::nil();

fn main() {
    JOBS.recv();
}
