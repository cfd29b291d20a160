// CH-033
use goconc::prelude::*;

fn main() {
    let (tx, rx) = Chan::<i32>::new().split();
    select! {
        v = <-tx => println!("{v:?}"),
        <-rx => {}
    }
}
