// The value is returned while a goroutine sets it.
fn get_number() -> i32 {
    let mut i = 0;
    goconc::scope(|s| {
        s.go(|| i = 5);
        i
    })
}

fn main() {
    println!("{}", get_number());
}
