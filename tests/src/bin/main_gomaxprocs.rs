//! `#[goroutine(gomaxprocs = ..)]` with the number given as an argument; prints what it has become.

fn wanted() -> usize {
    std::env::args().nth(1).expect("a number").parse().expect("a number")
}

#[goconc::goroutine(gomaxprocs = wanted())]
fn main() {
    println!("{}", goconc::runtime::gomaxprocs(0));
}
