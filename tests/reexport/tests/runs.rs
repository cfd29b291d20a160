//! What the program prints.

use std::process::Command;

#[test]
fn runs() {
    let output = Command::new(env!("CARGO_BIN_EXE_goconc-tests-reexport")).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let expected = [
        "Some(4)",
        "Some(9)",
        "Some(16)",
        "Some(25)",
        "Some(36)",
        "[1, 2, 1, 3]",
        "Some(3) Some(0) None",
        "first, end of 9, first, end of -1, first, end of -2",
        "",
    ];
    assert_eq!(text, expected.join("\n"));
}
