fn main() {
    let mut counter = 0;
    goconc::scope(|s| {
        for _ in 0..2 {
            s.go(|| counter += 1);
        }
    });
    println!("{counter}");
}
