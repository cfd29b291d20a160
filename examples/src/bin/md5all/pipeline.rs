//! The pipeline: one goroutine walks the tree, a fixed number digest files, the caller collects the sums.
//!
//! ```text
//! walk --paths--> digester x jobs --results--> md5_all
//!   \____________________errors____________________/
//! ```
//!
//! Cancelling: the first error closes `done`. Go selects between each send and `<-ctx.Done()`; here every channel is
//! received from until it is closed, so no send can wait for ever, and `done` is only looked at: by the walker before
//! each entry, by the digesters before each file (what is still on its way is received and dropped) and each chunk.
//! When `results` is closed, and so when `md5_all` returns, the walker and all digesters have come to their end.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use goconc::{Send, chan::TryRecvError, prelude::*, sync::WaitGroup};
use walkdir::WalkDir;

use crate::{digest, error::Error, progress::Progress};

#[derive(Debug)]
pub(crate) struct Sum {
    pub(crate) path: PathBuf,
    pub(crate) digest: [u8; 16],
}

/// Returns the sums of all regular files under `root`, in no order, or the first error.
pub(crate) fn md5_all(root: &Path, jobs: usize, progress: Arc<Progress>) -> Result<Vec<Sum>, Error> {
    check_is_dir(root).map_err(|source| Error { path: root.into(), source })?;
    let paths = Chan::<PathBuf>::new();
    let results = Chan::<Result<Sum, Error>>::new();
    let done = Chan::<()>::new();
    let wg = Arc::new(WaitGroup::new());

    wg.add(1);
    go!(walk(root.to_path_buf(), &paths, &results, &done, &wg));
    for _ in 0..jobs {
        wg.add(1);
        go!(digester(&paths, &results, &done, &progress, &wg));
    }
    go!([results] {
        wg.wait();
        results.close();
    });

    let mut sums = Vec::new();
    let mut first_error = None;
    for result in &results {
        match result {
            Ok(sum) => sums.push(sum),
            Err(err) if first_error.is_none() => {
                first_error = Some(err);
                done.close();
            }
            Err(_) => {}
        }
    }
    first_error.map_or(Ok(sums), Err)
}

fn check_is_dir(root: &Path) -> io::Result<()> {
    if fs::metadata(root)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Sends the path of each regular file: what `find ROOT -type f` prints. Links are not followed, except `root` itself.
#[goroutine]
fn walk(
    root: PathBuf,
    paths: Send<PathBuf>,
    results: Send<Result<Sum, Error>>,
    done: Recv<()>,
    wg: &WaitGroup,
) {
    for entry in WalkDir::new(root) {
        match entry {
            _ if is_closed(&done) => break,
            Ok(entry) if entry.file_type().is_file() => paths.send(entry.into_path()),
            Ok(_) => {}
            Err(err) => results.send(Err(err.into())), // the walk goes on until `done` is closed
        }
    }
    paths.close();
    wg.done();
}

#[goroutine]
fn digester(
    paths: Recv<PathBuf>,
    results: Send<Result<Sum, Error>>,
    done: Recv<()>,
    progress: &Progress,
    wg: &WaitGroup,
) {
    let mut buf = vec![0; digest::CHUNK];
    for path in &paths {
        if is_closed(&done) {
            continue; // not `break`: the walker may be about to send
        }
        match digest::md5_file(&path, &mut buf, &done, progress) {
            Ok(digest) => results.send(Ok(Sum { path, digest })),
            Err(source) => results.send(Err(Error { path, source })),
        }
        progress.add_file();
    }
    wg.done();
}

/// Go: `select { case <-done: return true; default: return false }`
pub(crate) fn is_closed(done: &Recv<()>) -> bool {
    matches!(done.try_recv(), Err(TryRecvError::Closed))
}
