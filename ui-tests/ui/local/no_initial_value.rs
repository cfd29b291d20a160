goconc::goroutine_local! {
    static DEPTH: u32;
}

fn main() {
    DEPTH.with(|depth| println!("{depth}"));
}
