fn main() {
    goconc::scope(|s| {
        let text = String::from("hi");
        s.go(|| println!("{text}"));
    });
}
