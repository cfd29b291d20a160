use goconc::prelude::*;

struct Server;

impl Server {
    fn run(self) {}
    fn stop(self) {}
}

fn main() {
    let server = Server;
    go!(server.run());
    server.stop();
}
