// Go before 1.22: all goroutines see one variable, and the loop writes it.
fn main() {
    let mut i = 0;
    goconc::scope(|s| {
        while i < 5 {
            s.go(|| println!("{i}"));
            i += 1;
        }
    });
}
