use goconc::prelude::*;

#[goroutine(gomaxprocs = 0, threads = 4, stack_size = "x")]
async fn main(args: Vec<String>) {
    println!("{args:?}");
}
