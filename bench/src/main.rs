//! Measures goconc against Go and others: the same workloads, on the same machine, in turn.
//!
//! The parent process (this program as the user calls it) starts one fresh child process per measurement: the Go program in
//! `go/`, a program of `peers/`, or this executable again with `--child NAME`. Only a child ever starts the goconc runtime.
//!
//! Nothing with thread-locals of its own may be linked in here: the runtime would see them and fall back from auto to sticky,
//! and the auto rows would be wrong without a word. So each other library to compare with has a binary of its own.

mod args;

mod child;
mod costs;
mod recorder;
mod workloads;

mod count;
mod go;
mod model;
mod peers;
mod process;
mod progress;
mod run;
mod side;

mod plot;
mod report;
mod results;
mod scale;
mod style;
mod summary;
mod verdict;

use std::path::Path;
use std::process::ExitCode;

use args::{Command, Options, Table};
use progress::Progress;
use recorder::Recorder;
use report::Report;
use results::Results;
use side::{Kind, Programs, Side};

fn main() -> ExitCode {
    match args::parse(std::env::args().skip(1)).and_then(execute) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("goconc-bench: {message}");
            ExitCode::from(2)
        }
    }
}

/// Does what the user asked for. False when it came to its end but something was not as it should be.
fn execute(command: Command) -> Result<bool, String> {
    match command {
        Command::Help => print!("{}", args::HELP),
        Command::List => report::list(),
        Command::Model => model::print(),
        Command::Child { workload, repeats, size, costs } => {
            child::run(workload, Recorder::new(workload.name, repeats, size), costs)?;
        }
        Command::CountChild { path } => count::child(path),
        Command::Count { policies, bless } => return count::all(&policies, bless),
        Command::Measure(options) => return measure(&options),
    }
    Ok(true)
}

/// Measures all that `options` ask for. False when a child of Go or of ours died or hung: never because something was slow.
fn measure(options: &Options) -> Result<bool, String> {
    let earlier = options.against.as_deref().map(Results::load).transpose()?;
    let mut programs = Programs::locate()?;
    Progress::announce("building the other sides ...");
    let go = options.sides.contains(&Side::Go).then(|| go::build(&programs.go)).transpose()?;
    programs.peers = peers::build(&options.sides, &programs.own)?;
    Progress::announce("");
    let mut results = Results::new(options, go);
    // Now rather than after an hour: a file that cannot be written.
    save(&results, options)?;

    let report = Report::start(&results, options);
    let mut progress = Progress::new(run::steps(options, &programs));
    for workload in &options.workloads {
        let measured = run::workload(workload, options, &programs, &mut progress);
        match options.table {
            Table::Ratios => report.workload(workload, &measured),
            Table::Scale => scale::workload(workload, &measured, options),
            Table::Costs => costs::workload(workload, &measured, options),
        }
        report.failures(&measured);
        results.add(measured);
        save(&results, options)?;
    }
    if options.table == Table::Ratios {
        summary::end(&results);
    }
    if let Some(earlier) = earlier {
        summary::against(&results, &earlier);
    }
    // That others die is a result.
    Ok(results.failures.iter().all(|failed| failed.side.kind() == Kind::Peer))
}

/// Writes the files that were asked for.
fn save(results: &Results, options: &Options) -> Result<(), String> {
    let write = |file: &Path, text: String| {
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    if let Some(file) = &options.save {
        write(file, results.to_json()?)?;
    }
    options.plot.as_ref().map_or(Ok(()), |file| write(file, plot::picture(results)))
}
