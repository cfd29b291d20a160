// CH-034
use goconc::prelude::*;

fn main() {
    let (tx, _rx) = Chan::<i32>::new().split();
    let _ch = Chan::from(tx);
}
