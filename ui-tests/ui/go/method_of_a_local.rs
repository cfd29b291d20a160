use goconc::prelude::*;

struct Server;

impl Server {
    fn run(&self) {}
}

fn main() {
    let server = Server;
    go!((&server).run());
}
