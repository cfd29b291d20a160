//! The proof that a program has no thread-locals but the known ones.
//!
//! Read: the program headers and the symbol table of this process's own executable, and the loaded objects.
//! Shown: every byte of the executable's TLS segment belongs to a symbol of the list in `known` or is padding,
//! no other loaded object has a TLS segment unless it is on the list, and nothing takes thread-bound memory by
//! other means we can see. Whatever is not understood counts against the program.
//!
//! Who may touch it: `migration`; any thread may run it, it shares nothing and cannot panic on odd files.

use super::elf::{Elf, PT_LOAD, PT_TLS, SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STT_TLS, Segment, Symbol, Table};
use super::known;
use super::objects::{self, Object};
use std::fmt;
use std::io;

/// The running program, also when its file was moved or deleted.
const EXECUTABLE: &str = "/proc/self/exe";

/// What the proof came to.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// No thread-locals but the known ones.
    Clean,
    /// These are not on the list.
    Foreign(Vec<ThreadLocal>),
    /// It could not be decided.
    Unknown(Reason),
}

/// A thread-local that is not on the list, or something that works like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreadLocal {
    /// Its demangled name.
    pub(crate) name: String,
    /// Its size in bytes; 0 where the file does not say.
    pub(crate) size: u64,
    /// The object it is in.
    pub(crate) object: String,
}

/// Why the proof could not be made.
#[derive(Debug)]
pub(crate) enum Reason {
    /// The executable has a TLS segment and no symbol table.
    Stripped,
    /// Bytes of the TLS segment that belong to no symbol.
    Unexplained {
        /// The first of them, counted from the segment's start.
        from: u64,
        /// The first byte after them.
        to: u64,
    },
    /// `/proc/self/exe` is another program: this one was started by hand through the dynamic linker, or emulated.
    NotTheProgram,
    /// We do not know where this processor keeps thread-locals.
    Processor,
    /// The locks of stdout and stderr do not look as they should.
    Stdio,
    /// A file could not be read or is odd.
    File {
        /// Its path.
        path: String,
        /// What the system or the reader said.
        error: io::Error,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Clean => f.write_str("no thread-locals but the known ones"),
            Verdict::Unknown(reason) => reason.fmt(f),
            Verdict::Foreign(all) => {
                f.write_str("thread-locals that are not on the list:")?;
                all.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
        }
    }
}

impl fmt::Display for ThreadLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            0 => write!(f, "{} in {}", self.name, self.object),
            1 => write!(f, "{}, 1 byte, in {}", self.name, self.object),
            n => write!(f, "{}, {n} bytes, in {}", self.name, self.object),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Stripped => f.write_str("symbols are stripped"),
            Reason::Unexplained { from, to } => {
                write!(f, "no symbol explains bytes {from}..{to} of the thread-local segment")
            }
            Reason::NotTheProgram => write!(f, "{EXECUTABLE} is not the running program"),
            Reason::Processor => f.write_str("thread-locals of this processor are not known"),
            Reason::Stdio => f.write_str("std's stdout and stderr locks are not as expected"),
            Reason::File { path, error } => write!(f, "{path}: {error}"),
        }
    }
}

/// Makes the proof for the whole process, as it is now.
#[must_use]
pub(crate) fn prove() -> Verdict {
    if !objects::supported() {
        return Verdict::Unknown(Reason::Processor);
    }
    let loaded = objects::loaded();
    let program = loaded.first().map_or(&[][..], |o| &o.segments);
    let mut foreign = Vec::new();
    let unknown = executable(EXECUTABLE, Some(program), &mut foreign).err();
    conclude(foreign, unknown, &loaded)
}

/// Makes the part of the proof that a later loaded library can change.
#[must_use]
pub(crate) fn prove_objects() -> Verdict {
    conclude(Vec::new(), None, &objects::loaded())
}

/// A thread-local we can name is better news than a reason we cannot decide.
fn conclude(mut foreign: Vec<ThreadLocal>, unknown: Option<Reason>, loaded: &[Object]) -> Verdict {
    let libraries: Result<(), Reason> = loaded.iter().skip(1).try_for_each(|o| library(o, &mut foreign));
    if !foreign.is_empty() {
        return Verdict::Foreign(foreign);
    }
    unknown.or(libraries.err()).map_or(Verdict::Clean, Verdict::Unknown)
}

/// Judges an executable; `program` are the headers it must have to be the running one.
fn executable(path: &str, program: Option<&[Segment]>, foreign: &mut Vec<ThreadLocal>) -> Result<(), Reason> {
    let file = |error| Reason::File { path: path.to_owned(), error };
    let elf = Elf::open(path).map_err(file)?;
    if program.is_some_and(|p| !same_program(p, elf.segments())) {
        return Err(Reason::NotTheProgram);
    }
    let name = program_name();
    if let Some(table) = elf.table(SHT_DYNSYM).map_err(file)? {
        thread_specific(&elf, table, &name, foreign).map_err(file)?;
    }
    let tls = elf.segments().iter().copied().find(|s| s.kind == PT_TLS && s.memsz > 0);
    let Some(table) = elf.table(SHT_SYMTAB).map_err(file)? else {
        return if tls.is_some() { Err(Reason::Stripped) } else { Ok(()) };
    };
    let needles: Vec<&str> = known::THREAD_BOUND.iter().map(|(mangled, _)| *mangled).collect();
    for (found, (_, name_of)) in
        elf.names_with(table, &needles).map_err(file)?.into_iter().zip(known::THREAD_BOUND)
    {
        if found {
            let what = format!("crate {name_of} (its values are bound to a ThreadId)");
            foreign.push(ThreadLocal { name: what, size: 0, object: name.clone() });
        }
    }
    let mut extents = Vec::new();
    thread_locals(&elf, table, &name, foreign, &mut extents).map_err(file)?;
    tls.map_or(Ok(()), |tls| covered(tls, extents))
}

/// The file name of the program, for people.
fn program_name() -> String {
    let path = std::fs::read_link(EXECUTABLE).unwrap_or_default();
    path.file_name().map_or_else(|| "the program".to_owned(), |n| n.to_string_lossy().into_owned())
}

/// Whether the loadable and TLS segments in memory are those of the file.
fn same_program(memory: &[Segment], file: &[Segment]) -> bool {
    let loaded = |s: &&Segment| s.kind == PT_LOAD || s.kind == PT_TLS;
    memory.iter().filter(loaded).count() > 0 && memory.iter().filter(loaded).eq(file.iter().filter(loaded))
}

/// Compares every TLS symbol with the list, and notes which bytes it explains.
fn thread_locals(
    elf: &Elf,
    table: Table,
    object: &str,
    foreign: &mut Vec<ThreadLocal>,
    extents: &mut Vec<(u64, u64)>,
) -> io::Result<()> {
    let mut seen: Vec<&'static str> = Vec::new();
    elf.each_symbol(table, |symbol| {
        if symbol.kind != STT_TLS {
            return Ok(());
        }
        let name = elf.name(table, symbol)?;
        if is_linker_mark(&name, symbol) {
            return Ok(());
        }
        let path = demangled(&name);
        let end = symbol.value.saturating_add(symbol.size);
        extents.push((symbol.value, end));
        let harmless = match listed(&path) {
            // A symbol that is defined elsewhere would be a second door to someone else's thread-local.
            _ if symbol.section == SHN_UNDEF => false,
            Listed::Own => true,
            Listed::Known(known) => {
                let again = seen.contains(&known.path);
                seen.push(known.path);
                !(known.once && again)
            }
            Listed::No => false,
        };
        if !harmless {
            foreign.push(ThreadLocal { name: path, size: symbol.size, object: object.to_owned() });
        }
        Ok(())
    })
}

/// The linker's own mark at the start of the segment.
fn is_linker_mark(name: &str, symbol: Symbol) -> bool {
    name == "_TLS_MODULE_BASE_" && symbol.size == 0
}

/// Notes functions that hand out thread-bound memory without a symbol for it.
fn thread_specific(elf: &Elf, table: Table, object: &str, foreign: &mut Vec<ThreadLocal>) -> io::Result<()> {
    elf.each_symbol(table, |symbol| {
        if symbol.section != SHN_UNDEF {
            return Ok(());
        }
        let name = elf.name(table, symbol)?;
        let plain = name.split('@').next().unwrap_or_default();
        if known::THREAD_SPECIFIC.contains(&plain) {
            let name = format!("{plain} (thread-specific data)");
            foreign.push(ThreadLocal { name, size: 0, object: object.to_owned() });
        }
        Ok(())
    })
}

/// Judges a shared object.
fn library(object: &Object, foreign: &mut Vec<ThreadLocal>) -> Result<(), Reason> {
    let name = object.file_name();
    if known::OBJECTS.iter().any(|known| name.starts_with(known.prefix)) {
        return Ok(());
    }
    if let Some(tls) = object.tls() {
        let name = "all of its thread-local segment".to_owned();
        foreign.push(ThreadLocal { name, size: tls.memsz, object: object.file_name().to_owned() });
        return Ok(());
    }
    let file = |error| Reason::File { path: object.path.clone(), error };
    let elf = Elf::open(&object.path).map_err(file)?;
    let Some(table) = elf.table(SHT_DYNSYM).map_err(file)? else {
        return Err(file(io::Error::new(io::ErrorKind::InvalidData, "no dynamic symbols")));
    };
    thread_specific(&elf, table, name, foreign).map_err(file)
}

/// Whether the list has a thread-local.
#[derive(Debug)]
enum Listed {
    Own,
    Known(&'static known::Known),
    No,
}

fn listed(path: &str) -> Listed {
    if path.starts_with(known::OWN_PREFIX) {
        return Listed::Own;
    }
    known::THREAD_LOCALS.iter().find(|known| known.path == path).map_or(Listed::No, Listed::Known)
}

/// The path of the static that a symbol belongs to; a name that is not mangled is left as it is.
fn demangled(name: &str) -> String {
    match rustc_demangle::try_demangle(name) {
        Ok(path) => path_of(&format!("{path:#}")),
        Err(_) => name.to_owned(),
    }
}

/// What `thread_local!` puts between the path of the static and `::{closure#0}::__RUST_STD_INTERNAL_VAL`: the
/// constant it is initialised in, as legacy mangling, v0, and a v0 demangler without a word for it write it.
const CONSTANT: &[&str] = &["::{{constant}}", "::{constant#", "::{K#"];

fn path_of(demangled: &str) -> String {
    let tail = CONSTANT.iter().filter_map(|t| demangled.find(t)).min().unwrap_or(demangled.len());
    let path = &demangled[..tail];
    // LLVM appends `.llvm.123` to a symbol it promotes and `.0` to one it splits. A path has no dot of its own.
    let path = path.split('.').next().unwrap_or_default();
    match path.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        // v0 writes an inherent method as `<std::hash::random::RandomState>::new`, legacy without brackets. The
        // impl of a trait keeps its brackets: it may be anyone's.
        Some((of, rest)) if !of.contains([' ', '<']) => format!("{of}{rest}"),
        _ => path.to_owned(),
    }
}

/// Whether the symbols explain every byte of the segment, but for the padding before an aligned symbol.
fn covered(tls: Segment, mut extents: Vec<(u64, u64)>) -> Result<(), Reason> {
    extents.sort_unstable();
    let mut end = 0;
    for (from, to) in extents {
        if from > end {
            // What a symbol at `from` can have been aligned to.
            let aligned = if from == 0 { 1 } else { 1 << from.trailing_zeros().min(62) };
            if from - end >= tls.align.clamp(1, aligned) {
                return Err(Reason::Unexplained { from: end, to: from });
            }
        }
        end = end.max(to);
    }
    if end != tls.memsz {
        let (from, to) = (end.min(tls.memsz), end.max(tls.memsz));
        return Err(Reason::Unexplained { from, to });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_test_program() {
        // The tests' own thread-locals are goconc's by name; libtest brings none.
        assert!(matches!(prove(), Verdict::Clean), "{}", prove());
        assert!(matches!(prove_objects(), Verdict::Clean), "{}", prove_objects());
    }

    #[test]
    fn names() {
        let v0 = "_RNvNCNKNvNvMNtNtCsjrHSEGnQ3l9_3std4hash6randomNtBa_11RandomState3new4KEYS0s_023___RUST_STD_INTERNAL_VAL";
        let legacy = "_ZN15crossbeam_epoch7default6HANDLE29_$u7b$$u7b$constant$u7d$$u7d$28_$u7b$$u7b$closure$u7d$$u7d$\
                      23__RUST_STD_INTERNAL_VAL17he873d861ea4f451cE";
        let promoted = "_RNvNtNtNtNtCsjrHSEGnQ3l9_3std3sys12thread_local11destructors4list5DTORS.llvm.3643936799275306673";
        let remutex = "_ZN84_$LT$parking_lot..remutex..RawThreadId$u20$as$u20$lock_api..remutex..GetThreadId$GT$17nonzero_thread_id3KEY\
                       29_$u7b$$u7b$constant$u7d$$u7d$28_$u7b$$u7b$closure$u7d$$u7d$23__RUST_STD_INTERNAL_VAL17h65ca14e83215e64dE";
        assert_eq!(demangled(v0), "std::hash::random::RandomState::new::KEYS");
        assert_eq!(demangled(legacy), "crossbeam_epoch::default::HANDLE");
        assert_eq!(demangled(&format!("{legacy}.0")), "crossbeam_epoch::default::HANDLE");
        assert_eq!(demangled(promoted), "std::sys::thread_local::destructors::list::DTORS");
        assert!(demangled(remutex).starts_with('<'), "{}", demangled(remutex));
        for good in [v0, legacy, promoted] {
            assert!(matches!(listed(&demangled(good)), Listed::Known(_)), "{good}");
        }
        for bad in [remutex, "errno", "", "_R", "_ZN", "DTORS", "goconc", "std::thread::current::CURRENT2"] {
            assert!(matches!(listed(&demangled(bad)), Listed::No), "{bad}");
        }
    }

    #[test]
    fn every_byte_is_explained() {
        let tls = |memsz, align| Segment { kind: PT_TLS, vaddr: 0, filesz: 0, memsz, align };
        let check = |memsz, align, extents: &[(u64, u64)]| covered(tls(memsz, align), extents.to_vec());
        assert!(check(16, 8, &[(8, 16), (0, 1)]).is_ok());
        assert!(check(24, 8, &[(16, 24), (0, 8)]).is_err(), "a hole of 8");
        assert!(check(24, 8, &[(16, 24), (0, 9)]).is_ok(), "padding of 7");
        assert!(
            check(16, 4, &[(8, 16), (0, 1)]).is_err(),
            "more padding than the segment's alignment asks for"
        );
        assert!(check(13, 8, &[(0, 8), (9, 13)]).is_err(), "padding before an odd address");
        assert!(check(17, 8, &[(0, 16)]).is_err(), "the end is missing");
        assert!(check(8, 8, &[(0, 16)]).is_err(), "more than there is");
        assert!(check(8, 8, &[(0, u64::MAX)]).is_err());
        assert!(check(8, 0, &[]).is_err());
        assert!(check(16, 16, &[(0, 16), (0, 8), (8, 16)]).is_ok(), "aliases");
    }

    #[test]
    fn another_program() {
        let other = [Segment { kind: PT_LOAD, vaddr: 0, filesz: 1, memsz: 1, align: 1 }];
        let verdict = executable(EXECUTABLE, Some(&other), &mut Vec::new());
        assert!(matches!(verdict, Err(Reason::NotTheProgram)), "{verdict:?}");
        assert!(executable("/proc/self/maps", None, &mut Vec::new()).is_err());
        assert!(executable("/nowhere", None, &mut Vec::new()).is_err());
    }
}
