// CH-033
use goconc::prelude::*;

fn main() {
    let (_tx, rx) = Chan::<i32>::new().split();
    select! { rx <- 1 => {} }
}
