//! How a `go!` or `defer!` is written: `go! { f(x) }` is a block, `go!(f(x))` a call. What is inside is the same, so the tokens
//! alone do not tell.
//!
//! They know where they stand, though, and the delimiter is what stands in front of the first one. (The text of the macro
//! call, which the compiler would give us, is that of the wrapper in goconc: see `path`.) So this looks into the source
//! file. Tokens that a `macro_rules!` has put together may stand in several places: the one behind `go!` counts, and
//! without one the first that is behind any macro's name. Where there is no file, or it does not have the token at its
//! place, the answer is `None`: so in an editor, in a program read from stdin, and in documentation tests of editions before
//! 2024, which are such programs.

use std::fs;
use std::path::PathBuf;

use proc_macro2::Delimiter;

/// Where a token stands.
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    /// Counted from 1.
    pub(crate) line: usize,
    /// In characters, counted from 1.
    pub(crate) column: usize,
    /// The first line of the token.
    pub(crate) text: String,
}

/// The delimiter of the macro called `name` whose tokens stand at `places`.
pub(crate) fn delimiter(name: &str, places: impl Iterator<Item = Place>) -> Option<Delimiter> {
    let mut file = PathBuf::new();
    let mut source = String::new();
    let mut of_other = None;
    for place in places {
        if place.file != file {
            source = fs::read_to_string(&place.file).unwrap_or_default();
            file.clone_from(&place.file);
        }
        match opening(name, &source, &place) {
            Some((true, delimiter)) => return Some(delimiter),
            Some((false, delimiter)) => of_other = of_other.or(Some(delimiter)),
            None => {}
        }
    }
    of_other
}

/// The delimiter in front of `place`, and whether it is that of a `name!`, if a macro's first token stands there.
fn opening(name: &str, source: &str, place: &Place) -> Option<(bool, Delimiter)> {
    let before = before(source, place)?;
    let mut before = before.trim_end();
    loop {
        if let Some(found) = end_of_macro_call(name, before) {
            return Some(found);
        }
        before = without_comment(before).or_else(|| without_variable(before))?.trim_end();
    }
}

/// All that stands before `place`, if the token is there.
fn before<'s>(source: &'s str, place: &Place) -> Option<&'s str> {
    let source = source.trim_start_matches('\u{feff}');
    let line: usize = source.split_inclusive('\n').take(place.line.checked_sub(1)?).map(str::len).sum();
    let (column, _) = source[line..].char_indices().nth(place.column.checked_sub(1)?)?;
    let (before, after) = source.split_at(line + column);
    after.starts_with(&place.text).then_some(before)
}

/// The delimiter that `before` ends with, and whether `wanted!` stands in front of it, if any macro does.
fn end_of_macro_call(wanted: &str, before: &str) -> Option<(bool, Delimiter)> {
    let delimiter = match before.chars().next_back()? {
        '(' => Delimiter::Parenthesis,
        '[' => Delimiter::Bracket,
        '{' => Delimiter::Brace,
        _ => return None,
    };
    let name = before[..before.len() - 1].trim_end().strip_suffix('!')?.trim_end();
    Some((last_word(name) == wanted, delimiter))
}

/// `text` without the comment it ends with, if it does.
fn without_comment(text: &str) -> Option<&str> {
    let start = match text.strip_suffix("*/") {
        Some(comment) => comment.rfind("/*")?,
        None => {
            let line = text.rfind('\n').map_or(0, |at| at + 1);
            line + text[line..].rfind("//")?
        }
    };
    Some(&text[..start])
}

/// `text` without the variable of a `macro_rules!` it ends with, if it does. Its value stands elsewhere.
fn without_variable(text: &str) -> Option<&str> {
    text[..text.len() - last_word(text).len()].strip_suffix('$')
}

fn last_word(text: &str) -> &str {
    let start = text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found about the token at the `^` of `source`.
    fn found(source: &str) -> Option<(bool, Delimiter)> {
        let (before, after) = source.split_once('^').expect("a mark");
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        let text = after.lines().next().unwrap_or_default().to_owned();
        let place = Place { file: PathBuf::new(), line: before.matches('\n').count() + 1, column, text };
        opening("go", &source.replace('^', ""), &place)
    }

    #[test]
    fn each_delimiter() {
        assert_eq!(found("go!(^f(x))"), Some((true, Delimiter::Parenthesis)));
        assert_eq!(found("\u{feff}é; go ! {\r\n\t^f(x) }"), Some((true, Delimiter::Brace)));
        assert_eq!(found("goconc::go![^f(x)]"), Some((true, Delimiter::Bracket)));
        assert_eq!(found("cargo!(^f(x))"), Some((false, Delimiter::Parenthesis)));
    }

    #[test]
    fn comments_are_skipped() {
        assert_eq!(found("go! { // a (b! // c\n /* d */ // \"e\"\n ^f(x) }"), Some((true, Delimiter::Brace)));
        assert_eq!(found("g(\"http://x\"); go!(^f(x))"), Some((true, Delimiter::Parenthesis)));
    }

    #[test]
    fn variables_of_macros_are_skipped() {
        assert_eq!(found("($f:ident, $x:ident) => { go! { $f^($x) } }"), Some((true, Delimiter::Brace)));
        assert_eq!(found("() => { $crate::go! { ^$crate::f() } }"), Some((true, Delimiter::Brace)));
    }

    #[test]
    fn what_is_not_the_first_token() {
        for source in ["go! { f ^(x) }", "f(^x)", "if a { ^b }", "// go! {\nx = ^f(x)", "^f", "a */ ^b"] {
            assert_eq!(found(source), None, "{source}");
        }
    }

    #[test]
    fn what_is_elsewhere() {
        let source = "go!(f(x))";
        for (line, column, text) in
            [(1, 5, "g"), (1, 4, "f"), (2, 5, "f"), (0, 5, "f"), (1, 0, "f"), (1, 99, "f")]
        {
            let place = Place { file: PathBuf::new(), line, column, text: text.to_owned() };
            assert_eq!(opening("go", source, &place), None, "{line}:{column} {text}");
        }
    }
}
