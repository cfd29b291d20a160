//! Sums as `md5sum` prints them.

use crate::pipeline::Sum;

/// One line per file, in the byte order of the paths (that of `LC_ALL=C sort`).
pub(crate) fn of(mut sums: Vec<Sum>) -> Vec<u8> {
    // Not `Path`'s own order: that one compares component by component, so `a/b` comes before `a-b`.
    sums.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    sums.iter().flat_map(line).collect()
}

/// `HASH  PATH`. A name that would break the line is escaped, and a backslash before the hash says so.
fn line(sum: &Sum) -> Vec<u8> {
    let (name, escaped) = escape(name(sum));
    let mut line = Vec::with_capacity(name.len() + 36);
    if escaped {
        line.push(b'\\');
    }
    for byte in sum.digest {
        line.extend(format!("{byte:02x}").bytes());
    }
    line.extend(b"  ");
    line.extend(name);
    line.push(b'\n');
    line
}

fn escape(name: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            _ => out.push(byte),
        }
    }
    let escaped = out.len() != name.len();
    (out, escaped)
}

fn name(sum: &Sum) -> &[u8] {
    sum.path.as_os_str().as_encoded_bytes()
}
