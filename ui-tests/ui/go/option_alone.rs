use goconc::prelude::*;

fn main() {
    go!(name = "acceptor");
}
