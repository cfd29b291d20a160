use goconc::prelude::*;

fn load() -> Result<(), String> {
    Ok(())
}

fn main() {
    go!(load()?);
}
