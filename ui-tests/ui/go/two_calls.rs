use goconc::prelude::*;

fn worker() {}

fn main() {
    go!(worker(), worker());
}
