// The prelude leaves `Send` to the trait.
use goconc::prelude::*;

fn produce(out: Send<i32>) {
    out.send(1);
}

fn main() {
    produce(Chan::new().sender());
}
