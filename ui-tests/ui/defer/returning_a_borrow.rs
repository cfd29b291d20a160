use goconc::prelude::*;

#[goroutine]
fn first(text: &str) -> &str {
    defer! { recover().unwrap().returning("none") }
    &text[..1]
}

fn main() {
    first("");
}
