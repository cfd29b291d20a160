use goconc::prelude::*;

fn main() {
    go!([jobs] println!("hi"));
}
