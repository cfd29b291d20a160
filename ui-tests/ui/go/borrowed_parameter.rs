use goconc::prelude::*;

fn greet(name: &str) {
    go! { println!("hi {name}") }
}

fn main() {
    greet("Ben");
}
