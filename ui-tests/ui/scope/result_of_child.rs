fn main() {
    goconc::scope(|s| {
        s.go(|| 6 * 7);
    });
}
