use goconc::prelude::*;

struct Server {
    handle: fn(),
}

fn main() {
    let server = Server { handle: || () };
    go!(server.handle);
}
