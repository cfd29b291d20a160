//! What the programs print.

use std::process::Command;

fn prints(program: &str, expected: &str) {
    let output = Command::new(program).output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn crate_in_each_attribute() {
    prints(env!("CARGO_BIN_EXE_goconc-tests-renamed"), "1 a, 2 b\nNone\ndescribed\n[0, 1, 2]\n26\n");
}

#[test]
fn the_old_name_back() {
    prints(env!("CARGO_BIN_EXE_alias"), "Some(7)\n");
}
