use goconc::prelude::*;

fn main() {
    let (a, b) = (Chan::<i32>::new(), Chan::<i32>::new());
    let _v: i32 = select! {
        v := <-a => v,
        v = <-b => v,
    };
}
