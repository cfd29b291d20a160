fn main() {
    let mut escaped = None;
    goconc::scope(|s| {
        escaped = Some(s);
    });
}
