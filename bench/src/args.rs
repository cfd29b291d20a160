//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::count::Path;
use crate::side::Side;
use crate::workloads::{WORKLOADS, Workload};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures goconc against Go and others, workload by workload, and prints the ratios.

Usage: goconc-bench [WORKLOAD | GROUP]... [options]
       goconc-bench --count [--policies LIST] [--bless]

  --peers LIST      whom to compare with: go, tokio, kanal, async-channel, crossbeam,
                    may, or none (default go)
  --policies LIST   how goconc runs: auto, sticky, or none (default auto,sticky)
  --procs LIST      values of GOMAXPROCS (default 1,2)
  --runs N          processes per side (default 5)
  --repeats N       repeats inside each process (default 3)
  --timeout SECS    how long a process may take (default 120)
  --scale           workloads that have a size, at 1000 to 1000000: cost per unit
  --costs           what goconc's scheduler does per operation, at GOMAXPROCS 2 to 64:
                    threads woken, steals, spins and the like, not compared with Go
  --model           what the scheduler's looks would cost on many CPUs, by a model
  --save FILE       write all measurements to FILE as JSON
  --against FILE    compare with an earlier FILE
  --plot FILE       draw the ratios to FILE as SVG
  --count           count the instructions of goconc's hot paths and compare them
                    with the recorded ones
  --bless           record them
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
    /// Print what the model of many CPUs counts.
    Model,
    /// Run one workload in this process: how the parent calls us.
    Child { workload: &'static Workload, repeats: usize, size: Option<usize>, costs: bool },
    /// Run one hot path in this process, which the parent counts.
    CountChild { path: &'static Path },
    /// Count instructions under these policies; record them if told so.
    Count { policies: Vec<Side>, bless: bool },
    /// Measure and report.
    Measure(Options),
}

/// What comes out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// How the sides compare.
    Ratios,
    /// How the cost of a unit grows with their number.
    Scale,
    /// What the scheduler does per operation, and how that grows with the number of Ps.
    Costs,
}

/// What to measure and how.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) table: Table,
    /// In the order of the table, each once.
    pub(crate) workloads: Vec<&'static Workload>,
    /// For each of them; `None` is the usual one.
    pub(crate) sizes: Vec<Option<usize>>,
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
    /// Where the picture goes.
    pub(crate) plot: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            table: Table::Ratios,
            workloads: WORKLOADS.iter().collect(),
            sizes: vec![None],
            sides: vec![Side::Go, Side::Auto, Side::Sticky],
            procs: vec![1, 2],
            runs: 5,
            repeats: 3,
            timeout: Duration::from_secs(120),
            save: None,
            against: None,
            plot: None,
        }
    }
}

/// What `--scale` measures.
const SIZES: [usize; 4] = [1000, 10_000, 100_000, 1_000_000];

/// What `--costs` measures without being told: the groups that keep the scheduler busy.
const COSTS_GROUPS: [&str; 5] = ["spawn", "yield", "chan", "classic", "pool"];
const COSTS_PROCS: [usize; 5] = [2, 4, 8, 16, 64];

/// The words of the command line, before they are put together.
#[derive(Debug)]
struct Words {
    options: Options,
    names: Vec<String>,
    peers: Option<Vec<Side>>,
    procs: Option<Vec<usize>>,
    policies: Vec<Side>,
    size: Option<usize>,
    child: Option<String>,
    count_child: Option<String>,
    scale: bool,
    costs: bool,
    count: bool,
    bless: bool,
}

/// Reads the arguments; an error is a message for the user.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut args = args;
    let mut words = Words {
        options: Options::default(),
        names: Vec::new(),
        peers: None,
        procs: None,
        policies: POLICIES.to_vec(),
        size: None,
        child: None,
        count_child: None,
        scale: false,
        costs: false,
        count: false,
        bless: false,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => return Ok(Command::List),
            "--model" => return Ok(Command::Model),
            _ => words.take(arg, &mut args)?,
        }
    }
    words.command()
}

impl Words {
    /// Takes one argument, and the next one if that is its value.
    fn take(&mut self, arg: String, rest: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let options = &mut self.options;
        // `--procs=2` is `--procs 2`.
        let (option, attached) = match arg.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let flag = match option {
            "--scale" => Some(&mut self.scale),
            "--costs" => Some(&mut self.costs),
            "--count" => Some(&mut self.count),
            "--bless" => Some(&mut self.bless),
            _ => None,
        };
        if let Some(flag) = flag {
            *flag = true;
            return if attached.is_none() { Ok(()) } else { Err(format!("{option} takes no value")) };
        }
        let value = || attached.or_else(|| rest.next()).ok_or(format!("{option} needs a value"));
        match option {
            "--peers" => self.peers = Some(sides(option, &value()?, PEERS)?),
            "--policies" => self.policies = sides(option, &value()?, POLICIES)?,
            "--procs" => self.procs = Some(counts(option, &value()?)?),
            "--runs" => options.runs = count(option, &value()?)?,
            "--repeats" => options.repeats = count(option, &value()?)?,
            "--timeout" => options.timeout = Duration::from_secs(count(option, &value()?)? as u64),
            "--save" => options.save = Some(value()?.into()),
            "--against" => options.against = Some(value()?.into()),
            "--plot" => options.plot = Some(value()?.into()),
            "--size" => self.size = Some(count(option, &value()?)?),
            "--child" => self.child = Some(value()?),
            "--count-child" => self.count_child = Some(value()?),
            _ if option.starts_with('-') => {
                return Err(format!("unknown option {option} (--help shows them)"));
            }
            _ => self.names.push(arg),
        }
        Ok(())
    }

    /// What all of them mean together.
    fn command(self) -> Result<Command, String> {
        let Words { mut options, mut names, peers, procs, policies, .. } = self;
        let Words { size, child, count_child, scale, costs, count, bless, .. } = self;
        if let Some(name) = child {
            let (workload, repeats) = (Workload::named(&name)?, options.repeats);
            return Ok(Command::Child { workload, repeats, size, costs });
        }
        if let Some(name) = count_child {
            return Ok(Command::CountChild { path: Path::named(&name)? });
        }
        if count || bless {
            return match (names.first(), count) {
                (Some(name), _) => Err(format!("--count counts all hot paths, not {name}")),
                (None, false) => Err("--bless goes with --count".into()),
                (None, true) if policies.is_empty() => Err("nothing to count: no policies".into()),
                (None, true) if bless && policies.len() < POLICIES.len() => {
                    Err("--bless records all policies".into())
                }
                (None, true) => Ok(Command::Count { policies, bless }),
            };
        }
        if costs {
            match (scale, &options.plot, &peers) {
                (true, ..) => return Err("--scale and --costs are two tables: one at a time".into()),
                (_, Some(_), _) => return Err("--plot draws ratios, which --costs does not have".into()),
                (.., Some(peers)) if !peers.is_empty() => {
                    return Err("--costs looks at goconc's scheduler: it has no peers".into());
                }
                _ => {}
            }
            options.table = Table::Costs;
            options.procs = COSTS_PROCS.to_vec();
            if names.is_empty() {
                names = COSTS_GROUPS.map(str::to_owned).to_vec();
            }
        }
        options.procs = procs.unwrap_or(options.procs);
        let peers = peers.unwrap_or(if costs { Vec::new() } else { vec![Side::Go] });
        options.sides = [peers, policies].concat();
        if options.sides.is_empty() {
            return Err("nothing to measure: no peers and no policies".into());
        }
        options.workloads = select(&names)?;
        if scale {
            if options.plot.is_some() {
                return Err("--plot draws ratios, which --scale does not have".into());
            }
            options.table = Table::Scale;
            options.sizes = SIZES.map(Some).to_vec();
            options.workloads.retain(|workload| workload.sized);
            if options.workloads.is_empty() {
                return Err(format!("--scale: {} has no size", names.join(", ")));
            }
        }
        Ok(Command::Measure(options))
    }
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
const PEERS: &[Side] = &[Side::Go, Side::Tokio, Side::Kanal, Side::AsyncChannel, Side::Crossbeam, Side::May];

/// What `--policies` knows.
const POLICIES: &[Side] = &[Side::Auto, Side::Sticky];

/// Reads a list of names with commas, in which nothing comes twice; `none` is the empty one.
fn sides(option: &str, text: &str, known: &[Side]) -> Result<Vec<Side>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let mut sides = Vec::new();
    for name in text.split(',') {
        let side = known.iter().find(|side| side.option() == name).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|side| side.option()).collect();
            format!("{option} {text}: {name} is none of {}, none", names.join(", "))
        })?;
        if sides.contains(side) {
            return Err(format!("{option} {text}: {name} is there twice"));
        }
        sides.push(*side);
    }
    Ok(sides)
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
        let options = measure("--peers may,go,async-channel --policies none --plot a.svg");
        assert_eq!(options.sides, [Side::May, Side::Go, Side::AsyncChannel]);
    }

    #[test]
    fn scale_takes_the_workloads_that_have_a_size() {
        let options = measure("--scale spawn");
        assert_eq!(
            options.workloads.iter().map(|workload| workload.name).collect::<Vec<_>>(),
            ["spawn_join_1M"]
        );
        assert_eq!(options.sizes, SIZES.map(Some));
        assert_eq!(measure("spawn").sizes, [None]);
        assert_eq!(error("--scale pfib_36 ring503"), "--scale: pfib_36, ring503 has no size");
        assert_eq!(error("--scale --plot a.svg"), "--plot draws ratios, which --scale does not have");
    }

    #[test]
    fn costs_are_of_goconc_alone_and_of_many_ps() {
        let options = measure("--costs");
        assert_eq!(options.table, Table::Costs);
        assert_eq!((options.procs, options.sides), (COSTS_PROCS.to_vec(), POLICIES.to_vec()));
        assert!(options.workloads.iter().all(|workload| COSTS_GROUPS.contains(&workload.group)));
        let options = measure("--costs --peers none --procs 2,3 --policies auto timer");
        assert_eq!((options.procs, options.workloads[0].group), (vec![2, 3], "timer"));
        assert_eq!(error("--costs --peers go"), "--costs looks at goconc's scheduler: it has no peers");
        assert_eq!(error("--costs --plot a.svg"), "--plot draws ratios, which --costs does not have");
        assert_eq!(error("--costs --scale"), "--scale and --costs are two tables: one at a time");
    }

    #[test]
    fn children_and_counts() {
        let parse = |line: &str| parse(line.split_whitespace().map(str::to_owned));
        let count = parse("--count");
        assert!(matches!(&count, Ok(Command::Count { policies, bless: false }) if policies == POLICIES));
        let count = parse("--count --policies sticky");
        assert!(matches!(&count, Ok(Command::Count { policies, .. }) if *policies == [Side::Sticky]));
        assert!(matches!(parse("--bless --count"), Ok(Command::Count { bless: true, .. })));
        let child = parse("--child skynet_1M --repeats 2 --size=1000");
        assert!(matches!(child, Ok(Command::Child { repeats: 2, size: Some(1000), .. })), "{child:?}");
        assert!(matches!(parse("--count-child gosched"), Ok(Command::CountChild { .. })));
        assert_eq!(error("--bless"), "--bless goes with --count");
        assert_eq!(error("--count spawn"), "--count counts all hot paths, not spawn");
        assert_eq!(error("--count --policies none"), "nothing to count: no policies");
        assert_eq!(error("--count --bless --policies auto"), "--bless records all policies");
        assert_eq!(error("--count=3"), "--count takes no value");
        assert_eq!(error("--count-child nothere"), "no hot path is called nothere");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(error("nothere"), "no workload or group is called nothere (--list shows them)");
        assert_eq!(error("--runs 0"), "--runs 0: not a number above 0");
        assert_eq!(error("--runs"), "--runs needs a value");
        assert_eq!(error("--policies free"), "--policies free: free is none of auto, sticky, none");
        assert_eq!(error("--peers go,go"), "--peers go,go: go is there twice");
        assert_eq!(error("--fast"), "unknown option --fast (--help shows them)");
        assert_eq!(error("--peers none --policies none"), "nothing to measure: no peers and no policies");
    }
}
