goconc::goroutine_local! {
    static DEPTH: u32 = 0;
}

fn main() {
    DEPTH.with(|depth| *depth += 1);
}
