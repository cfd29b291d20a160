//! The MD5 sum of every file under a directory: the lines of `md5sum`, sorted by path.
//!
//! Go: `MD5All` with bounded parallelism (<https://go.dev/blog/pipelines>), the example of errgroup; seeds 000 and 001,
//! "errgroup". The concurrent part is `pipeline.rs`, the reading `digest.rs`; the rest makes a tool of it.
//!
//! Run: `cargo run --release -p goconc-examples --bin md5all -- [-j N] DIR`
//!
//! Differences from the Go program: the sums are sorted (Go prints a map, in random order), big files are not read
//! into memory as a whole, and names are printed as `md5sum` prints them, so `md5sum --check` understands the output.

mod args;
mod digest;
mod error;
mod lines;
mod pipeline;
mod progress;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use args::Command;
use goconc::prelude::*;
use progress::Progress;

#[goroutine]
fn main() -> ExitCode {
    match args::parse(env::args_os().skip(1)) {
        Ok(Command::Help) => exit_code(print(args::HELP.as_bytes())),
        Ok(Command::Sum { dir, jobs }) => {
            let progress = Arc::new(Progress::new());
            let sums = pipeline::md5_all(&dir, jobs, Arc::clone(&progress));
            progress.clear();
            exit_code(sums.map_err(|err| err.to_string()).and_then(|sums| print(&lines::of(sums))))
        }
        Err(message) => {
            eprintln!("md5all: {message}\nTry 'md5all --help'.");
            ExitCode::from(2)
        }
    }
}

fn print(text: &[u8]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        // The reader (`| head`) has seen enough.
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|err| format!("cannot write the sums: {err}")),
    }
}

fn exit_code(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("md5all: {message}");
            ExitCode::FAILURE
        }
    }
}
