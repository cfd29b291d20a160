//! Runs one workload on all sides, in turn.

use std::io::{IsTerminal, Write, stderr};

use crate::args::Options;
use crate::process::{self, Failure};
use crate::results::{Failed, Measured, Measurement, Unit};
use crate::side::{Programs, Side};
use crate::workloads::Workload;

/// Measures `workload` for each number of Ps. The sides take turns run by run, so that whatever else the
/// machine does falls on all of them.
pub(crate) fn workload(
    workload: &Workload,
    options: &Options,
    programs: &Programs,
    progress: &mut Progress,
) -> Measured {
    let mut measured = Measured::default();
    for &procs in &options.procs {
        let mut series: Vec<Series> = options.sides.iter().map(|&side| Series::new(side, workload)).collect();
        for run in 1..=options.runs {
            for series in &mut series {
                progress.step(workload, procs, series.side, run);
                if series.hung {
                    continue;
                }
                if workload.group == "parked" {
                    warm_memory();
                }
                let mut child = programs.child(series.side, workload, procs, options.repeats);
                let output = process::output(&mut child, options.timeout);
                series.add(output.and_then(|stdout| read(&stdout, workload, procs)));
            }
        }
        for series in series {
            series.finish(workload, procs, &mut measured);
        }
    }
    progress.clear();
    measured
}

/// Touches as much memory as a million parked goroutines take, so that every side finds it equally warm: on a virtual machine
/// that gives free pages back to its host, whoever comes first pays several times as much for a page as whoever comes next.
fn warm_memory() {
    const BYTES: usize = 5 << 30;
    drop(std::hint::black_box(vec![1_u8; BYTES]));
}

/// All runs of one side with one number of Ps.
struct Series {
    /// Whose runs these are.
    side: Side,
    /// For each row of the workload, the best of each run.
    samples: Vec<(Unit, Vec<f64>)>,
    /// The runs without a result.
    failures: Vec<Failure>,
    /// It would hang again: not tried any more.
    hung: bool,
}

impl Series {
    /// A series without runs.
    fn new(side: Side, workload: &Workload) -> Self {
        let samples = workload.rows.iter().map(|_| (Unit::Ns, Vec::new())).collect();
        Series { side, samples, failures: Vec::new(), hung: false }
    }

    /// Adds the outcome of one run.
    fn add(&mut self, outcome: Result<Vec<(Unit, f64)>, Failure>) {
        match outcome {
            Ok(values) => {
                for (samples, (unit, value)) in self.samples.iter_mut().zip(values) {
                    samples.0 = unit;
                    samples.1.push(value);
                }
            }
            Err(failure) => {
                self.hung = matches!(failure, Failure::Hung { .. });
                self.failures.push(failure);
            }
        }
    }

    /// Moves what came out into `measured`.
    fn finish(self, workload: &Workload, procs: usize, measured: &mut Measured) {
        let side = self.side;
        for (row, (unit, samples)) in workload.rows.iter().zip(self.samples) {
            measured.measurements.extend(Measurement::new(row.name, unit, procs, side, samples));
        }
        if let Some(first) = self.failures.first() {
            let (workload, times, reason) =
                (workload.name.to_owned(), self.failures.len(), first.to_string());
            measured.failures.push(Failed { workload, procs, side, times, reason });
        }
    }
}

/// Reads what a child printed: for each row of the workload, the best of its repeats.
fn read(stdout: &str, workload: &Workload, procs: usize) -> Result<Vec<(Unit, f64)>, Failure> {
    let done = format!("done name={} procs={procs}", workload.name);
    if stdout.lines().last() != Some(&done) {
        let last = stdout.lines().last().unwrap_or_default();
        return Err(Failure::Garbled(format!("ended with the line `{last}`, not with `{done}`")));
    }
    let best = |name: &str| {
        let of_row = stdout.lines().filter_map(result).filter(|&(row, ..)| row == name);
        of_row.map(|(_, unit, value)| (unit, value)).min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let row =
        |name: &str| best(name).ok_or_else(|| Failure::Garbled(format!("printed no result for {name}")));
    workload.rows.iter().map(|r| row(r.name)).collect()
}

/// Reads a line `result row=NAME unit=UNIT value=NUMBER total=NUMBER`.
fn result(line: &str) -> Option<(&str, Unit, f64)> {
    let fields = line.strip_prefix("result ")?;
    let field = |name| fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let unit = match field("unit")? {
        "ns" => Unit::Ns,
        "bytes" => Unit::Bytes,
        _ => return None,
    };
    Some((field("row")?, unit, field("value")?.parse().ok()?))
}

/// A line on the terminal that says what runs; nothing elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    step: usize,
    steps: usize,
    shown: bool,
}

impl Progress {
    /// Counts the runs to come.
    pub(crate) fn new(options: &Options) -> Self {
        let steps = options.workloads.len() * options.procs.len() * options.sides.len() * options.runs;
        Progress { step: 0, steps, shown: stderr().is_terminal() }
    }

    /// Shows the run that begins.
    fn step(&mut self, workload: &Workload, procs: usize, side: Side, run: usize) {
        self.step += 1;
        self.show(&format!("[{}/{}] {} P={procs} {side}, run {run}", self.step, self.steps, workload.name));
    }

    /// Makes room for the table.
    fn clear(&self) {
        self.show("");
    }

    /// Replaces the line.
    fn show(&self, text: &str) {
        if self.shown {
            // Back to the start of the line, which is cleared. A lost progress line is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    #[test]
    fn the_best_repeat_counts() {
        let stdout = "result row=spawn_join_1M unit=ns value=20.5 total=20500000\n\
                      result row=spawn_join_1M unit=ns value=10.5 total=10500000\n\
                      done name=spawn_join_1M procs=2\n";
        assert_eq!(read(stdout, &WORKLOADS[0], 2).expect("all lines are there"), [(Unit::Ns, 10.5)]);
    }

    #[test]
    fn a_child_that_stops_early_or_runs_with_other_ps_is_no_result() {
        let stdout = "result row=spawn_join_1M unit=ns value=20.5 total=20500000\n";
        let failure = read(stdout, &WORKLOADS[0], 2).expect_err("no last line");
        assert!(failure.to_string().ends_with("not with `done name=spawn_join_1M procs=2`"), "{failure}");
        let failure = read(&format!("{stdout}done name=spawn_join_1M procs=1"), &WORKLOADS[0], 2);
        assert!(failure.is_err());
        let failure = read("done name=spawn_join_1M procs=2", &WORKLOADS[0], 2).expect_err("no result");
        assert_eq!(failure.to_string(), "printed no result for spawn_join_1M");
    }
}
