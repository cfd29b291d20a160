use goconc::prelude::*;

#[derive(Clone)]
struct Server;

impl Server {
    fn handle(&self) {}

    fn start(&self) {
        go!([self] self.handle());
    }
}

fn main() {
    Server.start();
}
