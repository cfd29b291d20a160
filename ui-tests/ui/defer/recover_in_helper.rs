use goconc::prelude::*;

fn helper() -> bool {
    recover().is_some()
}

#[goroutine]
fn main() {
    defer!(helper());
}
