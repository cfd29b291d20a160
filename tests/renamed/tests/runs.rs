//! What the programs print.

use std::process::Command;

fn prints(program: &str, expected: &str) {
    let output = Command::new(program).output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn crate_in_each_attribute() {
    let expected = [
        "1 a, 2 b",
        "None",
        "described",
        "[0, 1, 2]",
        "26",
        "[0, 0, 1, 2, 4, 0, 0, 9, 10, 11, 12]",
        "made when 0",
        r#"["clone 7", "closure", "method", "[1, 2, 3, 4]", "block 5"]"#,
        r#"Ok(2), Err("odd, odd"), by path"#,
        "",
    ];
    prints(env!("CARGO_BIN_EXE_goconc-tests-renamed"), &expected.join("\n"));
}

#[test]
fn the_old_name_back() {
    prints(env!("CARGO_BIN_EXE_alias"), "Some(7)\n8 9\n");
}
