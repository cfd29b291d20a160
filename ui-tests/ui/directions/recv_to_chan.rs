// CH-034
use goconc::prelude::*;

fn main() {
    let (_tx, rx) = Chan::<i32>::new().split();
    let _ch: Chan<i32> = rx.into();
}
