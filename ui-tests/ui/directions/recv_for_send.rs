// CH-034
use goconc::prelude::*;

fn produce(out: &chan::Send<i32>) {
    out.send(1);
}

fn main() {
    let (_tx, rx) = Chan::<i32>::new().split();
    produce(&rx);
}
