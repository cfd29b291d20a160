use goconc::prelude::*;

struct Server;

impl Server {
    fn run(&self) {}

    fn start(&self) {
        go!(self.run());
    }
}

fn main() {
    Server.start();
}
