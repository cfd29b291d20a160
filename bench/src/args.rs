//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::side::Side;
use crate::workloads::{WORKLOADS, Workload};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures goconc against Go, workload by workload, and prints the ratios.

Usage: goconc-bench [WORKLOAD | GROUP]... [options]

  --peers LIST      whom to compare with: go, or none (default go)
  --policies LIST   how goconc runs: auto, sticky, or none (default auto,sticky)
  --procs LIST      values of GOMAXPROCS (default 1,2)
  --runs N          processes per side (default 5)
  --repeats N       repeats inside each process (default 3)
  --timeout SECS    how long a process may take (default 120)
  --save FILE       write all measurements to FILE as JSON
  --against FILE    compare with an earlier FILE
  --list            print the workloads and their groups
  --help            print this

Without names every workload is measured.
";

/// What the user wants.
#[derive(Debug)]
pub(crate) enum Command {
    /// Print the help.
    Help,
    /// Print the workloads.
    List,
    /// Run one workload in this process: how the parent calls us.
    Child { workload: &'static Workload, repeats: usize },
    /// Measure and report.
    Measure(Options),
}

/// What to measure and how.
#[derive(Debug)]
pub(crate) struct Options {
    /// In the order of the table, each once.
    pub(crate) workloads: Vec<&'static Workload>,
    /// In the order in which they take turns.
    pub(crate) sides: Vec<Side>,
    /// Values of GOMAXPROCS.
    pub(crate) procs: Vec<usize>,
    /// Processes per side.
    pub(crate) runs: usize,
    /// Repeats inside each process.
    pub(crate) repeats: usize,
    /// For one process.
    pub(crate) timeout: Duration,
    /// Where the results go as JSON.
    pub(crate) save: Option<PathBuf>,
    /// Earlier results to compare with.
    pub(crate) against: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            workloads: WORKLOADS.iter().collect(),
            sides: vec![Side::Go, Side::Auto, Side::Sticky],
            procs: vec![1, 2],
            runs: 5,
            repeats: 3,
            timeout: Duration::from_secs(120),
            save: None,
            against: None,
        }
    }
}

/// Reads the arguments; an error is a message for the user.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut args = args;
    let mut options = Options::default();
    let (mut peers, mut policies) = (vec![Side::Go], vec![Side::Auto, Side::Sticky]);
    let mut names = Vec::new();
    let mut child = None;
    while let Some(arg) = args.next() {
        // `--procs=2` is `--procs 2`.
        let (option, attached) = match arg.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value = || attached.clone().or_else(|| args.next()).ok_or(format!("{option} needs a value"));
        match option {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => return Ok(Command::List),
            "--peers" => peers = sides(option, &value()?, PEERS)?,
            "--policies" => policies = sides(option, &value()?, POLICIES)?,
            "--procs" => options.procs = counts(option, &value()?)?,
            "--runs" => options.runs = count(option, &value()?)?,
            "--repeats" => options.repeats = count(option, &value()?)?,
            "--timeout" => options.timeout = Duration::from_secs(count(option, &value()?)? as u64),
            "--save" => options.save = Some(value()?.into()),
            "--against" => options.against = Some(value()?.into()),
            "--child" => child = Some(value()?),
            _ if option.starts_with('-') => {
                return Err(format!("unknown option {option} (--help shows them)"));
            }
            _ => names.push(arg),
        }
    }
    if let Some(name) = child {
        let workload = WORKLOADS.iter().find(|workload| workload.name == name);
        let workload = workload.ok_or(format!("no workload is called {name}"))?;
        return Ok(Command::Child { workload, repeats: options.repeats });
    }
    options.sides = [peers, policies].concat();
    if options.sides.is_empty() {
        return Err("nothing to measure: no peers and no policies".into());
    }
    options.workloads = select(&names)?;
    Ok(Command::Measure(options))
}

/// The workloads that have one of these names, or are in a group that has; all of them if there are no names.
fn select(names: &[String]) -> Result<Vec<&'static Workload>, String> {
    let is_meant = |workload: &Workload, name: &String| workload.name == name || workload.group == name;
    if let Some(name) = names.iter().find(|name| !WORKLOADS.iter().any(|workload| is_meant(workload, name))) {
        return Err(format!("no workload or group is called {name} (--list shows them)"));
    }
    let wanted = |workload: &&Workload| names.is_empty() || names.iter().any(|name| is_meant(workload, name));
    Ok(WORKLOADS.iter().filter(wanted).collect())
}

/// What `--peers` knows.
const PEERS: &[(&str, Side)] = &[("go", Side::Go)];

/// What `--policies` knows.
const POLICIES: &[(&str, Side)] = &[("auto", Side::Auto), ("sticky", Side::Sticky)];

/// Reads a list of names with commas; `none` is the empty one.
fn sides(option: &str, text: &str, known: &[(&str, Side)]) -> Result<Vec<Side>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let side = |name: &str| {
        let found = known.iter().find(|(known, _)| *known == name).map(|&(_, side)| side);
        let names: Vec<&str> = known.iter().map(|&(name, _)| name).collect();
        found.ok_or_else(|| format!("{option} {text}: {name} is none of {}, none", names.join(", ")))
    };
    text.split(',').map(side).collect()
}

/// Reads a list of numbers above 0 with commas.
fn counts(option: &str, text: &str) -> Result<Vec<usize>, String> {
    text.split(',').map(|item| count(option, item)).collect()
}

/// Reads a number above 0.
fn count(option: &str, text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{option} {text}: not a number above 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(line: &str) -> Options {
        match parse(line.split_whitespace().map(str::to_owned)) {
            Ok(Command::Measure(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn error(line: &str) -> String {
        parse(line.split_whitespace().map(str::to_owned)).expect_err(line)
    }

    #[test]
    fn defaults() {
        let options = measure("");
        assert_eq!(options.workloads.len(), WORKLOADS.len());
        assert_eq!((options.runs, options.repeats, options.procs), (5, 3, vec![1, 2]));
    }

    #[test]
    fn names_and_groups_select_each_workload_once() {
        let options = measure("chan pingpong_unbuf pfib_36");
        assert_eq!(options.workloads.len(), 7);
        assert_eq!(options.workloads.last().map(|workload| workload.name), Some("pfib_36"));
    }

    #[test]
    fn lists_and_attached_values() {
        let options = measure("--procs=1,2,4 --policies sticky --peers none");
        assert_eq!(options.procs, [1, 2, 4]);
        assert_eq!(options.sides, [Side::Sticky]);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(error("nothere"), "no workload or group is called nothere (--list shows them)");
        assert_eq!(error("--runs 0"), "--runs 0: not a number above 0");
        assert_eq!(error("--runs"), "--runs needs a value");
        assert_eq!(error("--policies free"), "--policies free: free is none of auto, sticky, none");
        assert_eq!(error("--fast"), "unknown option --fast (--help shows them)");
        assert_eq!(error("--peers none --policies none"), "nothing to measure: no peers and no policies");
    }
}
