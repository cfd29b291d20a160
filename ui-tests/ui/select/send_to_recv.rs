// CH-033
use goconc::prelude::*;

fn main() {
    let (tx, rx) = Chan::<i32>::new().split();
    select! {
        rx <- 1 => {}
        tx <- 2 => {}
    }
}
