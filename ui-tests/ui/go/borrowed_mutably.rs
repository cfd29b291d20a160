use goconc::prelude::*;

fn fill(numbers: &mut Vec<i32>) {
    numbers.push(1);
}

fn main() {
    let mut numbers = Vec::new();
    go!(fill(&mut numbers));
    println!("{numbers:?}");
}
