// CH-034
use goconc::prelude::*;

fn main() {
    let (_tx, rx) = Chan::<i32>::new().split();
    let _tx: chan::Send<i32> = rx.into();
}
