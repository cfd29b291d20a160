use goconc::{Chan, Send};

fn produce<T: Send>(value: T, out: &Chan<T>) {
    out.send(value);
}

fn main() {
    produce(1, &Chan::new());
}
