// PN-042: a method that writes a map, called from several goroutines.
use goconc::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

struct Store {
    entries: HashMap<String, i32>,
}

impl Store {
    fn set(&mut self, key: &str, value: i32) {
        self.entries.insert(key.to_owned(), value);
    }
}

fn main() {
    let store = Arc::new(Store { entries: HashMap::new() });
    go!([store] store.set("a", 1));
    go!(store.set("b", 2));
}
