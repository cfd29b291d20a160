//! What the program prints.

use std::process::Command;

#[test]
fn runs() {
    let output = Command::new(env!("CARGO_BIN_EXE_goconc-tests-reexport")).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text, "Some(4)\nSome(9)\nSome(16)\nSome(25)\nSome(36)\n");
}
