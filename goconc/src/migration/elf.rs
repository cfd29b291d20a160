//! As much of an ELF file as the proof needs, read in small pieces.
//!
//! Invariants: no number of the file is trusted: every offset is checked by the read itself, every product and
//! sum is checked arithmetic, nothing is allocated in proportion to a number of the file before it was
//! compared with the file's length. 64-bit little-endian only. Nothing here is unsafe, and nothing panics.
//!
//! Who may touch it: `proof`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much of a table is read at a time.
const CHUNK: usize = 64 * 1024;
/// The longest symbol name we look at; rustc stays far below.
const NAME_MAX: usize = 32 * 1024;
/// sizeof(Elf64_Ehdr), (Phdr), (Shdr), (Sym).
const EHDR: usize = 64;
const PHDR: usize = 56;
const SHDR: usize = 64;
const SYM: usize = 24;

pub(super) const PT_LOAD: u32 = 1;
pub(super) const PT_TLS: u32 = 7;
pub(super) const SHT_SYMTAB: u32 = 2;
pub(super) const SHT_DYNSYM: u32 = 11;
pub(super) const STT_TLS: u8 = 6;
pub(super) const SHN_UNDEF: u16 = 0;

/// A program header, as in the file or in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) kind: u32,
    pub(super) vaddr: u64,
    pub(super) filesz: u64,
    pub(super) memsz: u64,
    pub(super) align: u64,
}

/// The part of a section header we use.
#[derive(Clone, Copy, Debug)]
struct Section {
    kind: u32,
    offset: u64,
    size: u64,
    link: u32,
}

/// A symbol without its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbol {
    name: u32,
    pub(super) kind: u8,
    pub(super) section: u16,
    pub(super) value: u64,
    pub(super) size: u64,
}

/// An opened ELF file.
#[derive(Debug)]
pub(super) struct Elf {
    file: File,
    len: u64,
    segments: Vec<Segment>,
    sections: Vec<Section>,
}

/// One symbol table and the names that belong to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    symbols: Section,
    names: Section,
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Little-endian fields of a record; a field outside of it reads as 0.
struct Record<'a>(&'a [u8]);

impl Record<'_> {
    fn u16(&self, at: usize) -> u16 {
        self.0.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
    }
    fn u32(&self, at: usize) -> u32 {
        self.0.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
    }
    fn u64(&self, at: usize) -> u64 {
        self.0.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
    }
}

impl Elf {
    /// Reads the headers.
    pub(super) fn open(path: &str) -> io::Result<Elf> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut header = [0; EHDR];
        file.read_exact_at(&mut header, 0)?;
        // Magic, ELFCLASS64, ELFDATA2LSB.
        if !header.starts_with(b"\x7fELF\x02\x01") {
            return Err(malformed("not a 64-bit little-endian ELF file"));
        }
        let mut elf = Elf { file, len, segments: Vec::new(), sections: Vec::new() };
        let header = Record(&header);
        let (phoff, shoff) = (header.u64(32), header.u64(40));
        let (phentsize, phnum) = (header.u16(54), header.u16(56));
        let (shentsize, shnum) = (header.u16(58), header.u16(60));
        if phnum == 0xffff || (phnum > 0 && usize::from(phentsize) != PHDR) {
            return Err(malformed("odd program headers"));
        }
        elf.segments = elf.read_table(phoff, PHDR, u64::from(phnum), segment)?;
        if shoff != 0 && usize::from(shentsize) == SHDR {
            let count = elf.section_count(shoff, shnum)?;
            elf.sections = elf.read_table(shoff, SHDR, count, section)?;
        }
        Ok(elf)
    }

    /// The program headers in file order.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first symbol table of this kind, if there is one.
    pub(super) fn table(&self, kind: u32) -> io::Result<Option<Table>> {
        let Some(symbols) = self.sections.iter().copied().find(|s| s.kind == kind) else { return Ok(None) };
        let names = usize::try_from(symbols.link).ok().and_then(|i| self.sections.get(i)).copied();
        Ok(Some(Table { symbols, names: names.ok_or_else(|| malformed("symbols without names"))? }))
    }

    /// Calls `f` with every symbol.
    pub(super) fn each_symbol(
        &self,
        table: Table,
        mut f: impl FnMut(Symbol) -> io::Result<()>,
    ) -> io::Result<()> {
        self.each_chunk(table.symbols, CHUNK / SYM * SYM, |bytes| {
            bytes.chunks_exact(SYM).map(symbol).try_for_each(&mut f)
        })
    }

    /// The name of a symbol of `table`.
    pub(super) fn name(&self, table: Table, symbol: Symbol) -> io::Result<String> {
        let from = u64::from(symbol.name);
        if from >= table.names.size {
            return Err(malformed("a name outside of its table"));
        }
        let whole = usize::try_from(table.names.size - from).map_or(NAME_MAX, |n| n.min(NAME_MAX));
        let mut bytes = vec![0; whole.min(256)];
        loop {
            self.file.read_exact_at(&mut bytes, offset(table.names.offset, from)?)?;
            if let Some(end) = bytes.iter().position(|&b| b == 0) {
                return Ok(String::from_utf8_lossy(&bytes[..end]).into_owned());
            }
            if bytes.len() == whole {
                return Err(malformed("a name without an end"));
            }
            bytes.resize((bytes.len() * 4).min(whole), 0);
        }
    }

    /// Which of `needles` occur in the names of `table`. A needle is shorter than 64 bytes.
    pub(super) fn names_with(&self, table: Table, needles: &[&str]) -> io::Result<Vec<bool>> {
        let mut found = vec![false; needles.len()];
        let mut carry = Vec::new();
        self.each_chunk(table.names, CHUNK, |bytes| {
            carry.extend_from_slice(bytes);
            for (needle, found) in needles.iter().zip(&mut found) {
                *found = *found || contains(&carry, needle.as_bytes());
            }
            // A needle may lie across two chunks.
            carry.drain(..carry.len().saturating_sub(64));
            Ok(())
        })?;
        Ok(found)
    }

    fn each_chunk(
        &self,
        section: Section,
        chunk: usize,
        mut f: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; chunk];
        let mut at = 0;
        while at < section.size {
            let n = usize::try_from(section.size - at).map_or(chunk, |n| n.min(chunk));
            self.file.read_exact_at(&mut buffer[..n], offset(section.offset, at)?)?;
            f(&buffer[..n])?;
            at += n as u64;
        }
        Ok(())
    }

    /// Above 65279 sections the number stands in the first section header.
    fn section_count(&self, shoff: u64, shnum: u16) -> io::Result<u64> {
        if shnum != 0 {
            return Ok(u64::from(shnum));
        }
        Ok(self.read_table(shoff, SHDR, 1, section)?.first().map_or(0, |s| s.size))
    }

    fn read_table<T>(&self, at: u64, entry: usize, count: u64, f: impl Fn(&[u8]) -> T) -> io::Result<Vec<T>> {
        let size = count.checked_mul(entry as u64).filter(|&size| size <= self.len);
        let size =
            size.and_then(|size| usize::try_from(size).ok()).ok_or_else(|| malformed("a table too long"))?;
        let mut bytes = vec![0; size];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.chunks_exact(entry).map(f).collect())
    }
}

fn offset(base: u64, add: u64) -> io::Result<u64> {
    base.checked_add(add).ok_or_else(|| malformed("an offset past the end"))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((&first, rest)) = needle.split_first() else { return true };
    let mut from = haystack;
    while let Some(at) = from.iter().position(|&b| b == first) {
        from = &from[at + 1..];
        if from.starts_with(rest) {
            return true;
        }
    }
    false
}

fn segment(bytes: &[u8]) -> Segment {
    let r = Record(bytes);
    Segment { kind: r.u32(0), vaddr: r.u64(16), filesz: r.u64(32), memsz: r.u64(40), align: r.u64(48) }
}

fn section(bytes: &[u8]) -> Section {
    let r = Record(bytes);
    Section { kind: r.u32(4), offset: r.u64(24), size: r.u64(32), link: r.u32(40) }
}

fn symbol(bytes: &[u8]) -> Symbol {
    let r = Record(bytes);
    let kind = bytes.get(4).map_or(0, |info| info & 0xf);
    Symbol { name: r.u32(0), kind, section: r.u16(6), value: r.u64(8), size: r.u64(16) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needle_across_chunks() {
        assert!(contains(b"_ZN12send_wrapper3new", b"12send_wrapper"));
        assert!(contains(b"1112send_wrapper", b"12send_wrapper"));
        assert!(!contains(b"12send_wrappe", b"12send_wrapper"));
    }

    /// Every byte of the headers set to every kind of odd value: an error or not, but never a panic.
    #[test]
    fn odd_files_do_not_panic() {
        let exe = std::fs::read("/proc/self/exe").unwrap();
        let path = std::env::temp_dir().join(format!("goconc-odd-elf-{}", std::process::id()));
        let head = exe[..4096.min(exe.len())].to_vec();
        for at in 0..EHDR + 2 * PHDR {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut odd = head.clone();
                odd[at] = byte;
                std::fs::write(&path, &odd).unwrap();
                let Ok(elf) = Elf::open(path.to_str().unwrap()) else { continue };
                if let Ok(Some(table)) = elf.table(SHT_SYMTAB) {
                    let _ = elf.each_symbol(table, |s| elf.name(table, s).map(drop));
                    let _ = elf.names_with(table, &["x"]);
                }
            }
        }
        let _ = std::fs::remove_file(path);
    }
}
