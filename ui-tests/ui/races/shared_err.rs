// ParallelWrite: two goroutines assign the `err` that they share.
use std::fs::File;
use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut f1 = File::create("file1")?;
    let mut f2 = File::create("file2")?;
    let mut err = Ok(());
    goconc::scope(|s| {
        s.go(|| err = f1.write_all(b"xxx"));
        s.go(|| err = f2.write_all(b"xxx"));
    });
    err
}
