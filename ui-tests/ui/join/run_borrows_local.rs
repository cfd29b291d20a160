fn main() {
    let text = String::from("hi");
    println!("{}", goconc::run(|| text.len()));
}
