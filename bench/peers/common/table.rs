//! The `main` of every peer: runs one workload, as the Go program does.
//!
//!     peer-NAME WORKLOAD [REPEATS [SIZE]]
//!     peer-NAME -list

use std::env;
use std::process::ExitCode;

use crate::recorder::{Recorder, done};

/// What a peer can do: the name of a workload and the function that runs it.
pub(crate) type Table = &'static [(&'static str, fn(&Recorder))];

/// Does what the command line says.
pub(crate) fn main(table: Table) -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "-list") {
        table.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    match run(table, &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Runs the workload that is meant.
fn run(table: Table, args: &[String]) -> Result<(), String> {
    let number = |i: usize| match args.get(i) {
        Some(text) => text.parse().map(Some).map_err(|_| format!("{text} is not a number")),
        None => Ok(None),
    };
    let name = args.first().ok_or("usage: WORKLOAD [REPEATS [SIZE]] | -list")?;
    let found = table.iter().find(|(known, _)| known == name);
    let &(name, workload) = found.ok_or_else(|| format!("no workload is called {name}"))?;
    workload(&Recorder::new(name, number(1)?.unwrap_or(1), number(2)?));
    done(name, procs());
    Ok(())
}

/// How many threads may run at the same time: what Go takes from the same variable.
pub(crate) fn procs() -> usize {
    let set = env::var("GOMAXPROCS").ok().and_then(|text| text.parse().ok()).filter(|&n| n > 0);
    set.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}
