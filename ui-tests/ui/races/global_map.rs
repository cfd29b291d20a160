// PN-042, RegisterService: a map in a global variable without a lock.
use std::cell::RefCell;
use std::collections::BTreeMap;

static SERVICE: RefCell<BTreeMap<String, String>> = RefCell::new(BTreeMap::new());

fn register(name: String, addr: String) {
    SERVICE.borrow_mut().insert(name, addr);
}

fn main() {
    goconc::go!(register("db".into(), "localhost".into()));
}
