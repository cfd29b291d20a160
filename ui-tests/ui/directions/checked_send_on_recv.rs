// CH-033
use goconc::prelude::*;

fn main() {
    let (_tx, rx) = Chan::new().split();
    let _ = rx.checked_send(1);
}
