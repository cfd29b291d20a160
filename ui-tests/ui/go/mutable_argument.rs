use goconc::prelude::*;

fn push(numbers: &mut Vec<i32>) {
    numbers.push(1);
}

fn main() {
    let mut numbers = vec![];
    go!(push(&mut numbers));
}
