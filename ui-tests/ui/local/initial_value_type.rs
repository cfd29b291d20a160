goconc::goroutine_local! {
    static DEPTH: u32 = "none";
}

fn main() {
    DEPTH.with(|depth| println!("{depth}"));
}
