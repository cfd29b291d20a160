// CH-041
use goconc::prelude::*;

fn main() {
    let _ch = Chan::<i32>::with_capacity(0x1_0000_0000_0000_0000);
}
