//! The sum of one file, a chunk at a time.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use goconc::prelude::*;
use md5::{Digest, Md5};

use crate::{pipeline::is_closed, progress::Progress};

/// How much of a file is in memory at a time, per digester. On the heap: a goroutine's stack is small.
pub(crate) const CHUNK: usize = 64 << 10;

/// The sum of one file.
///
/// Reading blocks the thread. For a file of one chunk that is what we let it do: the data is mostly in the page cache
/// and there in microseconds, less than the way to a helper thread and back; if the disk is slow after all, the runtime
/// gives the P to another M, as Go does. A bigger file is read on a helper thread while this goroutine is parked, so
/// that `jobs` of them are really read at the same time and the goroutines of this M need not wait.
pub(crate) fn md5_file(
    path: &Path,
    buf: &mut [u8],
    done: &Recv<()>,
    progress: &Progress,
) -> io::Result<[u8; 16]> {
    let file = File::open(path)?;
    if file.metadata()?.len() <= CHUNK as u64 {
        md5_reader(file, buf, done, progress)
    } else {
        runtime::blocking(|| md5_reader(file, buf, done, progress))
    }
}

/// The sum of all there is to read; an error when `done` is closed meanwhile (nobody looks at it: it is not the first).
fn md5_reader(mut file: File, buf: &mut [u8], done: &Recv<()>, progress: &Progress) -> io::Result<[u8; 16]> {
    let mut md5 = Md5::new();
    loop {
        match file.read(buf) {
            Ok(0) => return Ok(md5.finalize().into()),
            Ok(n) => {
                md5.update(&buf[..n]);
                progress.add_bytes(n);
            }
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
        if is_closed(done) {
            return Err(io::Error::other("cancelled"));
        }
    }
}
