// CH-041
use goconc::prelude::*;

fn main() {
    let _ch = Chan::<i32>::with_capacity(2.5);
}
