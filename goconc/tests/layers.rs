//! The layers of the library: a file imports from its own layer and the ones below, never from above.
//!
//! This is policy: a failure here means that the code is in the wrong place, not that the table is. See ARCHITECTURE.md for
//! what each layer is and how the cycles that tempt are cut.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules, lowest layer first. Inside a layer the order counts too: a module knows those before it. (It is the
/// alphabet, because rustfmt sorts a block of `mod`s; what needs another order is a layer of its own.)
const LAYERS: &[&[&str]] = &[
    &["sys"],
    &["arch", "block", "migration", "queue", "stack", "timer"],
    &["gmp"],
    &["dump", "panics"],
    &["sched"],
    &["wait"],
    &["chan"],
    &["sync"],
    &["join", "local", "runtime", "time"],
    &["defer"],
    &["__private", "prelude", "macros"],
];

/// Modules that only tests have. They may know everything; nothing knows them.
const TEST_MODULES: &[&str] = &["models"];

/// Where the names that lib.rs re-exports (`crate::Chan`, `crate::spawn`) may be used: whoever is below names the module.
const MAY_USE_REEXPORTS: &[&str] = &["__private", "prelude", "macros"];

/// Macros may name themselves and this.
const DOOR_FOR_MACROS: &str = "__private";
/// The macros of the library that are not procedural.
const OWN_MACROS: &[&str] = &["goroutine_local"];

/// The only files that may declare a thread-local: code on a goroutine's stack must never come near one.
const MAY_DECLARE_THREAD_LOCALS: &[&str] = &["local.rs"];

/// Where the text may depend on the CPU or the operating system.
const MAY_DEPEND_ON_TARGET: &[&str] = &["sys", "arch", "migration"];

/// A source file, and what the checks need of it.
struct Source {
    /// Relative to `src`.
    path: PathBuf,
    /// As it is.
    text: String,
    /// Without comments.
    code: String,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Source {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let code = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
        let path = path.strip_prefix(root).expect("it was found there").to_owned();
        Source { path, text, code }
    }

    /// Its modules from the root: `["chan", "hchan"]`.
    fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let names = path.iter().map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name != "mod" && name != "lib").collect()
    }

    /// Its top-level module; `None` for lib.rs, which names them all.
    fn layer(&self) -> Option<String> {
        self.modules().into_iter().next()
    }

    /// The code before the unit tests, which stand last.
    fn shipped(&self) -> &str {
        let end = self.code.find("\nmod tests {").unwrap_or(self.code.len());
        &self.code[..end]
    }

    fn is(&self, path: &str) -> bool {
        self.path == Path::new(path)
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.code[..offset].matches('\n').count()
    }
}

/// Strings are not understood: one that contains `//` loses its tail, which no check minds.
fn without_comment(line: &str) -> &str {
    line.find("//").map_or(line, |at| &line[..at])
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find_files(&root, &mut files);
    files.sort();
    assert!(files.len() > 50, "only {} files: is this the right folder?", files.len());
    files.iter().map(|path| Source::read(&root, path)).collect()
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// A mention of something behind the root of the crate.
struct Mention {
    offset: usize,
    /// The first name behind the root.
    name: String,
    /// `$crate::`: for a macro's users.
    by_macro: bool,
}

/// Everything that the code reaches by `crate::` or by a `super::` that leads to the root.
fn mentions(source: &Source) -> Vec<Mention> {
    let code = &source.code;
    let mut found = Vec::new();
    for (offset, keyword) in code.match_indices("crate::") {
        let before = code[..offset].chars().next_back();
        if before.is_some_and(is_name) {
            continue; // a longer word
        }
        for name in first_names(&code[offset + keyword.len()..]) {
            found.push(Mention { offset, name, by_macro: before == Some('$') });
        }
    }
    found.extend(supers_to_the_root(source));
    found
}

/// `super::super::x` from a depth of two, and so on. Inline modules deepen what is indented inside them.
fn supers_to_the_root(source: &Source) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut depth = source.modules().len();
    let mut start = 0;
    for line in source.code.split('\n') {
        if line.starts_with("mod ") && line.ends_with('{') {
            depth += 1;
        } else if line == "}" {
            depth = source.modules().len();
        }
        let mut from = 0;
        while let Some(at) = line[from..].find("super::").map(|at| from + at) {
            let mut rest = &line[at..];
            let mut steps = 0;
            while let Some(behind) = rest.strip_prefix("super::") {
                (rest, steps) = (behind, steps + 1);
            }
            if steps >= depth {
                let mention = |name| Mention { offset: start + at, name, by_macro: false };
                found.extend(first_names(rest).into_iter().map(mention));
            }
            from = line.len() - rest.len();
        }
        start += line.len() + 1;
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first name of a path, or the first names in a group: `a` of `a::b`, `a` and `c` of `{a::b, c}`.
fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![path.chars().take_while(|&c| is_name(c)).collect()];
    };
    let mut names = vec![String::new()];
    let mut depth = 0;
    let mut in_first = true;
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(String::new());
                in_first = true;
            }
            ':' => in_first = false,
            c if is_name(c) && depth == 0 && in_first => names.last_mut().expect("never empty").push(c),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Its place in [`LAYERS`].
fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().copied().flatten().position(|&name| name == module)
}

fn report(what: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{what}:\n  {}\n", violations.join("\n  "));
}

#[test]
fn imports_point_down() {
    let mut violations = Vec::new();
    for source in sources() {
        let Some(own) = source.layer().filter(|own| !TEST_MODULES.contains(&own.as_str())) else { continue };
        let own_rank = rank(&own).unwrap_or_else(|| panic!("{own} is in no layer"));
        for mention in mentions(&source) {
            let allowed = if mention.by_macro {
                mention.name == DOOR_FOR_MACROS || OWN_MACROS.contains(&mention.name.as_str())
            } else {
                match rank(&mention.name) {
                    Some(rank) => rank <= own_rank,
                    None => MAY_USE_REEXPORTS.contains(&own.as_str()),
                }
            };
            if !allowed {
                let (path, line) = (source.path.display(), source.line_of(mention.offset));
                violations.push(format!("{path}:{line}: {own} names {}", mention.name));
            }
        }
    }
    report("imports from a higher layer", &violations);
}

#[test]
fn lib_lists_the_modules_in_the_order_of_the_layers() {
    let sources = sources();
    let lib = sources.iter().find(|source| source.is("lib.rs")).expect("lib.rs");
    let declared = lib.code.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    let declared: Vec<_> = declared.filter(|module| !TEST_MODULES.contains(module)).collect();
    let layers: Vec<_> = LAYERS.iter().copied().flatten().copied().collect();
    assert_eq!(declared, layers, "the order of lib.rs (left) is not that of the layers (right)");
    let modules = sources.iter().filter_map(Source::layer);
    let modules: BTreeSet<_> = modules.filter(|module| !TEST_MODULES.contains(&module.as_str())).collect();
    assert!(modules.iter().eq(&layers.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>()));
}

#[test]
fn thread_locals_are_declared_in_one_place() {
    let mut violations = Vec::new();
    for source in sources() {
        let allowed = MAY_DECLARE_THREAD_LOCALS.iter().any(|path| source.is(path));
        // Attribute or macro, whatever its path.
        let declares =
            ["thread_local!", "#[thread_local]"].iter().any(|what| source.shipped().contains(what));
        if declares && !allowed {
            violations.push(source.path.display().to_string());
        }
    }
    report("thread-locals: a goroutine may resume on another thread", &violations);
}

#[test]
fn only_the_lowest_layers_depend_on_the_target() {
    let mut violations = Vec::new();
    for source in sources() {
        let allowed = source.layer().is_some_and(|layer| MAY_DEPEND_ON_TARGET.contains(&layer.as_str()));
        for (number, line) in source.code.lines().enumerate() {
            let depends = line.contains("cfg") && (line.contains("target_") || line.contains("unix"));
            if depends && !allowed {
                violations.push(format!("{}:{}: {}", source.path.display(), number + 1, line.trim()));
            }
        }
    }
    report("cfg of a target outside of sys, arch and migration", &violations);
}

#[test]
fn every_file_says_what_it_is() {
    let sources = sources();
    let headless = sources.iter().filter(|source| !source.text.starts_with("//! "));
    let headless: Vec<_> = headless.map(|source| source.path.display().to_string()).collect();
    report("files without a head", &headless);
}

/// The checks themselves see what they should.
#[test]
fn paths_are_read() {
    let source = |code: &str| Source {
        path: PathBuf::from("chan/hchan.rs"),
        text: String::new(),
        code: code.lines().map(without_comment).collect::<Vec<_>>().join("\n"),
    };
    let names = |code| mentions(&source(code)).into_iter().map(|m| m.name).collect::<Vec<_>>();
    assert_eq!(names("use crate::gmp::{G, M};"), ["gmp"]);
    assert_eq!(names("use crate::{sys::{clock, env}, wait,\n  Chan};"), ["sys", "wait", "Chan"]);
    assert_eq!(names("/// [`crate::runtime`]\nlet x = 1; // crate::time"), [""; 0]);
    assert_eq!(names("pub(crate) use some_crate::x;"), [""; 0]);
    assert_eq!(names("use super::err::X;"), [""; 0]);
    assert_eq!(names("use super::super::runtime;"), ["runtime"]);
    assert_eq!(
        names("mod tests {\n    use super::super::err;\n    use super::super::super::time;\n}"),
        ["time"]
    );
    assert_eq!(names("mod tests {\n}\nuse super::super::sync;"), ["sync"]);
    assert!(mentions(&source("$crate::runtime::X"))[0].by_macro);
}
