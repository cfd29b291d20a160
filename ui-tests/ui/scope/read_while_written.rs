fn main() {
    let mut numbers = vec![1, 2, 3];
    goconc::scope(|s| {
        s.go(|| numbers.push(4));
        println!("{numbers:?}");
    });
}
