use goconc::prelude::*;

fn main() {
    let (a, n) = (Chan::<i32>::new(), 5);
    select! {
        v := <-n => println!("{v}"),
        <-a => {}
    }
}
