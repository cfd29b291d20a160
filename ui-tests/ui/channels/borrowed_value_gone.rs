//! A channel of borrowed values that outlives what they borrow.

use goconc::Chan;

fn main() {
    let ch = Chan::<&str>::with_capacity(1);
    {
        let owner = String::from("gone");
        ch.send(&owner);
    }
    println!("{:?}", ch.recv());
}
