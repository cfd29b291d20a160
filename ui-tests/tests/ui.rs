//! Each program in `ui/` is one mistake. It must not compile, with the words in the `.stderr` beside it.

use std::fs;
use std::path::{Path, PathBuf};

#[rustversion::attr(not(stable(1.95)), ignore = "the words are those of rustc 1.95")]
#[test]
fn ui() {
    trybuild::TestCases::new().compile_fail("ui/**/*.rs");
}

/// What another machine, or the next change of something else, would word differently.
const UNSTABLE: [(&str, &str); 5] = [
    ("$RUST", "source of std, shown or not depending on the component rust-src"),
    ("/rustc/", "source of std, shown or not depending on the component rust-src"),
    ("$CARGO", "source of a dependency"),
    (" others", "a list of implementations that is cut off"),
    ("warning:", "a second subject: remove its cause from the program"),
];

#[test]
fn words_are_stable() {
    for stderr in files(Path::new("ui")).filter(|file| file.extension().is_some_and(|ext| ext == "stderr")) {
        let text = fs::read_to_string(&stderr).unwrap();
        for (words, why) in UNSTABLE {
            assert!(!text.contains(words), "{}: {words:?}: {why}", stderr.display());
        }
        assert!(stderr.with_extension("rs").exists(), "{}: its program is gone", stderr.display());
    }
}

fn files(dir: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    Box::new(entries.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => Box::new(std::iter::once(path)),
    }))
}
