use goconc::prelude::*;

async fn load() {}

fn main() {
    go!(load().await);
}
