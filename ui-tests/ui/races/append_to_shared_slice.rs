// Goroutines append to one slice: in Go some of it is lost.
fn main() {
    let mut results = Vec::new();
    goconc::scope(|s| {
        s.go(|| results.push(1));
        s.go(|| results.push(2));
    });
}
