fn main() {
    let handle = goconc::spawn(|| 6 * 7);
    let _other = handle.clone();
}
