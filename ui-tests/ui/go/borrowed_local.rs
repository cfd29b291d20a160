use goconc::prelude::*;

fn print(text: &String) {
    println!("{text}");
}

fn main() {
    let text = String::from("hi");
    go!(print(&text));
}
