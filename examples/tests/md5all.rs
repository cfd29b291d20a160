//! `md5all` on real directories: what it prints, what it says when something is wrong, and that it always ends.
#![cfg(unix)]

mod common;

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, Permissions},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Command},
};

use common::Output;

const PROGRAM: &str = env!("CARGO_BIN_EXE_md5all");

/// A directory of its own for each test, gone afterwards.
struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> TempDir {
        let path = std::env::temp_dir().join(format!("goconc-md5all-{name}-{}", process::id()));
        let _left_over = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        TempDir(path)
    }

    /// Creates the file and the directories on the way to it.
    fn file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn md5all<const N: usize>(&self, args: [&str; N]) -> Output {
        common::run(Command::new(PROGRAM).args(args).current_dir(&self.0))
    }

    /// What `find DIR -type f` finds, sorted by bytes, through `md5sum`; `None` where there is no such tool.
    fn md5sum(&self, dir: &str) -> Option<String> {
        const SCRIPT: &str = r#"find "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 -r md5sum"#;
        Command::new("md5sum").arg("--version").output().ok()?;
        let output = Command::new("sh").args(["-c", SCRIPT, "sh", dir]).current_dir(&self.0).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.0);
    }
}

/// Nothing but an error message that holds all of `words`, and status `code`.
#[track_caller]
fn assert_fails(output: &Output, code: i32, words: &[&str]) {
    assert_eq!((output.status.code(), &*output.stdout()), (Some(code), ""), "{output:?}");
    assert!(output.stderr.starts_with("md5all: "), "{}", output.stderr);
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {}", output.stderr);
    }
}

#[test]
fn known_digests() {
    let dir = TempDir::new("known");
    dir.file("tree/empty", "");
    dir.file("tree/a", "a");
    dir.file("tree/nested/deeper/abc", "abc");
    dir.file("tree/nested/message digest", "message digest");
    dir.file("tree/nested-letters", "abcdefghijklmnopqrstuvwxyz"); // between `nested` and `nested/`, byte by byte
    dir.file("tree/million", vec![b'a'; 1_000_000]);
    dir.file("tree/中文", "你好");
    let expected = include_str!("../expected/md5all.txt");
    if let Some(md5sum) = dir.md5sum("tree") {
        assert_eq!(md5sum, expected);
    }
    for args in [["-j", "1", "tree"], ["-j", "2", "tree"], ["-j", "512", "tree"]] {
        let output = dir.md5all(args);
        output.assert_success();
        assert_eq!(output.stdout(), expected);
    }
    for (name, value) in [("GOMAXPROCS", "1"), ("GOCONC_DEBUG", "sticky=1")] {
        let output = common::run(Command::new(PROGRAM).arg("tree").current_dir(&dir.0).env(name, value));
        output.assert_success();
        assert_eq!(output.stdout(), expected);
    }
}

#[test]
fn empty_directory() {
    let dir = TempDir::new("empty");
    let output = dir.md5all(["."]);
    output.assert_success();
    assert_eq!(output.stdout(), "");
}

#[test]
fn same_as_md5sum() {
    let dir = TempDir::new("same");
    let big: Vec<u8> = (0..5_000_003_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    dir.file("big", &big);
    for size in [65_535, 65_536, 65_537, 131_072] {
        dir.file(format!("around a chunk/{size}"), &big[..size]);
    }
    for i in 0..500 {
        dir.file(format!("many/{}/{i}", i % 7), &big[i..i * 9]);
    }
    for name in [" ", "a  b", "*", "-j", "back\\slash", "new\nline", "\\\n", "tab\t", "日本"] {
        dir.file(Path::new("names").join(name), name);
    }
    symlink("big", dir.0.join("link to a file")).unwrap();
    symlink("many", dir.0.join("link to a directory")).unwrap();
    symlink("nothing", dir.0.join("dangling link")).unwrap();
    for root in [".", "./", "many", "many/", "names/../names"] {
        let output = dir.md5all([root]);
        output.assert_success();
        assert!(!output.stdout().contains("link to"));
        if let Some(md5sum) = dir.md5sum(root) {
            assert_eq!(output.stdout(), md5sum, "{root}");
        }
    }
}

#[test]
fn escaped_names() {
    let dir = TempDir::new("escaped");
    for name in ["b\\s", "n\nl", "r\rn"] {
        dir.file(Path::new("d").join(name), "");
    }
    let output = dir.md5all(["d"]);
    output.assert_success();
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    assert_eq!(output.stdout(), format!("\\{md5}  d/b\\\\s\n\\{md5}  d/n\\nl\n\\{md5}  d/r\\rn\n"));
}

/// Not on macOS, whose file system takes only UTF-8.
#[cfg(target_os = "linux")]
#[test]
fn name_that_is_not_utf8() {
    let dir = TempDir::new("utf8");
    let name = OsStr::from_bytes(b"d\xff");
    dir.file(Path::new(name).join(OsStr::from_bytes(b"\xfe\x80")), "");
    let output = common::run(Command::new(PROGRAM).arg(name).current_dir(&dir.0));
    output.assert_success();
    assert_eq!(output.stdout, b"d41d8cd98f00b204e9800998ecf8427e  d\xff/\xfe\x80\n");
}

#[test]
fn missing_directory() {
    let dir = TempDir::new("missing");
    assert_fails(&dir.md5all(["nowhere"]), 1, &["\"nowhere\"", "No such file or directory"]);
}

#[test]
fn not_a_directory() {
    let dir = TempDir::new("file");
    dir.file("f", "");
    assert_fails(&dir.md5all(["f"]), 1, &["\"f\"", "not a directory"]);
}

#[test]
fn wrong_arguments() {
    let dir = TempDir::new("arguments");
    assert_fails(&dir.md5all([]), 2, &["DIR is missing", "--help"]);
    assert_fails(&dir.md5all([""]), 2, &["DIR is empty"]);
    assert_fails(&dir.md5all([".", "."]), 2, &["more than one DIR"]);
    assert_fails(&dir.md5all(["--what", "."]), 2, &["unknown option \"--what\""]);
    for jobs in ["0", "513", "-1", "x", "", "99999999999999999999"] {
        assert_fails(&dir.md5all(["-j", jobs, "."]), 2, &["-j takes a number from 1 to 512"]);
    }
    assert_fails(&dir.md5all([".", "-j"]), 2, &["-j takes a number"]);
}

#[test]
fn right_arguments() {
    let dir = TempDir::new("options");
    dir.file("-d/f", "");
    let expected = "d41d8cd98f00b204e9800998ecf8427e  -d/f\n";
    assert_eq!(dir.md5all(["--", "-d"]).stdout(), expected);
    for jobs in ["-j3", "--jobs=3"] {
        assert_eq!(dir.md5all([jobs, "--", "-d"]).stdout(), expected);
    }
    let help = dir.md5all(["--help"]);
    help.assert_success();
    assert!(help.stdout().starts_with("Usage: md5all [-j N] DIR\n"));
}

/// A path longer than the system takes: a file that is found and cannot be opened, whoever runs the test. Thousands of
/// good files are on their way when it fails.
#[test]
fn first_error_of_a_digester_cancels() {
    let dir = TempDir::new("digester");
    for i in 0..3000 {
        dir.file(format!("tree/{}/{i}", i % 30), "some content");
    }
    // Two halves, each short enough to be made, put together by renaming.
    let half: PathBuf = std::iter::repeat_n("d".repeat(200), 10).collect();
    fs::create_dir_all(dir.0.join("tree").join(&half)).unwrap();
    let name = "n".repeat(200);
    dir.file(Path::new("other").join(&half).join(&name), "");
    fs::rename(dir.0.join("other"), dir.0.join("tree").join(&half).join("other")).unwrap();
    for jobs in ["1", "2", "64"] {
        let root = dir.0.join("tree");
        let output = common::run(Command::new(PROGRAM).args(["-j", jobs]).arg(&root));
        assert_fails(&output, 1, &["cannot read", "File name too long"]);
    }
}

/// `big` takes long to read; the error next to it must not wait for that.
#[test]
fn error_interrupts_a_big_file() {
    let dir = TempDir::new("interrupt");
    dir.file("tree/unreadable/f", "");
    // All holes: no disk space, but hours of reading.
    File::create(dir.0.join("tree/big")).unwrap().set_len(1 << 42).unwrap();
    let output = run_unprivileged(&dir, &["-j", "4", "tree"], "tree/unreadable");
    assert_fails(&output, 1, &["\"tree/unreadable\"", "Permission denied"]);
}

#[test]
fn unreadable_file() {
    let dir = TempDir::new("unreadable");
    for i in 0..200 {
        dir.file(format!("tree/{i}"), "some content");
    }
    let output = run_unprivileged(&dir, &["tree"], "tree/17");
    assert_fails(&output, 1, &["cannot read \"tree/17\"", "Permission denied"]);
}

/// Runs the program where it may not read `unreadable`. Root may read everything: then a copy of the program, at a place
/// that every user can reach, is run as the user nobody.
fn run_unprivileged(dir: &TempDir, args: &[&str], unreadable: &str) -> Output {
    let unreadable = dir.0.join(unreadable);
    fs::set_permissions(&unreadable, Permissions::from_mode(0o000)).unwrap();
    let privileged = File::open(&unreadable).is_ok();
    let mut program: OsString = PROGRAM.into();
    if privileged {
        program = dir.0.join("md5all-copy").into();
        fs::copy(PROGRAM, &program).unwrap();
        fs::set_permissions(&dir.0, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program);
    command.args(args).current_dir(&dir.0);
    if privileged {
        const NOBODY: u32 = 65534;
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = common::run(&mut command);
    fs::set_permissions(&unreadable, Permissions::from_mode(0o755)).unwrap();
    output
}

#[test]
fn reader_that_has_seen_enough() {
    let dir = TempDir::new("pipe");
    for i in 0..3000 {
        dir.file(format!("tree/{i}"), "");
    }
    let output = common::run(
        Command::new("sh")
            .args(["-c", r#"{ "$1" tree; echo "status $?" >&2; } | head -n 1"#, "sh", PROGRAM])
            .current_dir(&dir.0),
    );
    assert_eq!(output.stdout(), "d41d8cd98f00b204e9800998ecf8427e  tree/0\n");
    assert_eq!(output.stderr, "status 0\n");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written() {
    let dir = TempDir::new("full");
    dir.file("f", "");
    let output = common::run(
        Command::new("sh").args(["-c", r#"exec "$1" . > /dev/full"#, "sh", PROGRAM]).current_dir(&dir.0),
    );
    assert_fails(&output, 1, &["cannot write the sums"]);
}
