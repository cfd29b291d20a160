//! What the program prints.

use std::process::Command;

#[test]
fn runs() {
    let output = Command::new(env!("CARGO_BIN_EXE_goconc-tests-renamed")).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text, "1 a, 2 b\nNone\ndescribed\n[0, 1, 2]\n26\n");
}
