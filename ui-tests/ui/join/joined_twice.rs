fn main() {
    let handle = goconc::spawn(|| 6 * 7);
    println!("{:?}", handle.join());
    println!("{:?}", handle.join());
}
