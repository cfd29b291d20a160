use goconc::prelude::*;

struct Server {
    jobs: Chan<i32>,
}

fn main() {
    let server = Server { jobs: Chan::new() };
    go!([server.jobs] { jobs.recv(); });
}
