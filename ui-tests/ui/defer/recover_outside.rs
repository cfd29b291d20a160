use goconc::prelude::*;

#[goroutine]
fn main() {
    if let Some(panic) = recover() {
        println!("{panic}");
    }
}
