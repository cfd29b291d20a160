use goconc::prelude::*;

struct Server;

fn main() {
    let server = Server;
    go!(server.handle(1));
}
