fn main() {
    let text = String::from("hi");
    let handle = goconc::spawn(|| text.len());
    println!("{:?} {text}", handle.join());
}
