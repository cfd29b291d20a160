use goconc::prelude::*;

fn f() -> Result<(), String> {
    Ok(())
}

fn main() {
    defer!(f()?);
}
