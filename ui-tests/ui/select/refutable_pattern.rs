// The compiler finds it, at the pattern.
use goconc::prelude::*;

fn main() {
    let (a, b) = (Chan::<i32>::new(), Chan::<i32>::new());
    select! {
        None | Some(1) = <-a => println!("none or one"),
        <-b => {}
    }
}
