use goconc::prelude::*;

#[goroutine]
async fn main() {
    println!("hi");
}
