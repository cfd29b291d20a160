use std::cell::RefCell;

goconc::goroutine_local! {
    static NAMES: RefCell<Vec<String>> = RefCell::new(Vec::new());
}

fn main() {
    println!("{}", NAMES.get().len());
}
