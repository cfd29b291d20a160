use goconc::prelude::*;

fn main() {
    let (a, b) = (Chan::<i32>::new(), Chan::<i32>::new());
    select! {
        <-a =>,
        <-b => {}
    }
}
