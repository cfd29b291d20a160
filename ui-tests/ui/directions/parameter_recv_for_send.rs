// CH-034
use goconc::prelude::*;

#[goroutine]
fn worker(results: chan::Send<i32>) {
    results.send(1);
}

fn main() {
    let (_tx, rx) = Chan::<i32>::new().split();
    go!(worker(&rx));
}
