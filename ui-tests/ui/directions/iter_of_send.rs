// CH-033
use goconc::prelude::*;

fn main() {
    let (tx, _rx) = Chan::<i32>::new().split();
    println!("{}", tx.iter().count());
}
