use goconc::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;

fn main() {
    let counter = Arc::new(RefCell::new(0));
    go!([counter] { *counter.borrow_mut() += 1; });
}
