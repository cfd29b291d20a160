//! Measures goconc against Go: the same workloads, on the same machine, in turn.
//!
//! The parent process (this program as the user calls it) starts one fresh child process per measurement:
//! either the Go program in `go/`, or this executable again with `--child NAME`. Only a child ever starts the
//! goconc runtime.
//!
//! Nothing with thread-locals of its own may be linked in here: the runtime would see them and fall back from
//! auto to sticky, and the auto rows would be wrong without a word. Other libraries to compare with need a
//! binary of their own.

mod args;

mod child;
mod workloads;

mod go;
mod process;
mod run;
mod side;

mod report;
mod results;

use std::path::Path;
use std::process::ExitCode;

use args::{Command, Options};
use report::Report;
use results::Results;
use side::{Programs, Side};

fn main() -> ExitCode {
    let done = match args::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => {
            print!("{}", args::HELP);
            Ok(true)
        }
        Ok(Command::List) => {
            report::list();
            Ok(true)
        }
        Ok(Command::Child { workload, repeats }) => {
            child::run(workload, repeats);
            Ok(true)
        }
        Ok(Command::Measure(options)) => measure(&options),
        Err(message) => Err(message),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("goconc-bench: {message}");
            ExitCode::from(2)
        }
    }
}

/// Measures all that `options` ask for. False when a child died or hung: never because something was slow.
fn measure(options: &Options) -> Result<bool, String> {
    let earlier = options.against.as_deref().map(Results::load).transpose()?;
    let programs = Programs::locate()?;
    let go = options.sides.contains(&Side::Go).then(|| go::build(&programs.go)).transpose()?;
    let mut results = Results::new(options, go);
    // Now rather than after an hour: a file that cannot be written.
    save(&results, options.save.as_deref())?;

    let report = Report::start(&results);
    let mut progress = run::Progress::new(options);
    for workload in &options.workloads {
        let measured = run::workload(workload, options, &programs, &mut progress);
        report.workload(workload, &measured);
        results.add(measured);
        save(&results, options.save.as_deref())?;
    }
    report.end(&results);
    if let Some(earlier) = earlier {
        report.against(&results, &earlier);
    }
    Ok(results.failures.is_empty())
}

/// Writes the results, if a file was asked for.
fn save(results: &Results, file: Option<&Path>) -> Result<(), String> {
    file.map_or(Ok(()), |file| results.save(file))
}
