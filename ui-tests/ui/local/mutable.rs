goconc::goroutine_local! {
    static mut DEPTH: u32 = 0;
}

fn main() {
    DEPTH.with(|depth| println!("{depth}"));
}
