//! Runs one workload on all sides, in turn.

use crate::args::{Options, Table};
use crate::costs;
use crate::process::{self, Failure};
use crate::progress::Progress;
use crate::results::{Failed, Measured, Measurement, Unit};
use crate::side::{Programs, Side};
use crate::workloads::Workload;

/// What the sides do at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) workload: &'static Workload,
    /// `None` is the usual one.
    pub(crate) size: Option<usize>,
    pub(crate) procs: usize,
    /// The child also says what its scheduler did.
    pub(crate) costs: bool,
}

impl Case {
    /// The names of all that a child prints.
    fn rows(&self) -> impl Iterator<Item = String> {
        let costs = if self.costs { costs::COSTS } else { &[] };
        let measured = self.workload.rows.iter().map(|row| row.name.to_owned());
        measured.chain(costs.iter().map(|cost| cost.row(self.workload.name)))
    }
}

/// Everything that is to be measured for one workload, in this order.
pub(crate) fn cases(workload: &'static Workload, options: &Options) -> Vec<Case> {
    let costs = options.table == Table::Costs;
    let case = |size, procs| Case { workload, size, procs, costs };
    options.procs.iter().flat_map(|&procs| options.sizes.iter().map(move |&size| case(size, procs))).collect()
}

/// How many processes all of it takes.
pub(crate) fn steps(options: &Options, programs: &Programs) -> usize {
    let cases = options.workloads.iter().flat_map(|&workload| cases(workload, options));
    let sides = |case: Case| options.sides.iter().filter(|&&side| programs.can(side, &case)).count();
    cases.map(sides).sum::<usize>() * options.runs
}

/// Measures `workload`. The sides take turns run by run, so that whatever else the machine does falls on all of them.
pub(crate) fn workload(
    workload: &'static Workload,
    options: &Options,
    programs: &Programs,
    progress: &mut Progress,
) -> Measured {
    let mut measured = Measured::default();
    for case in cases(workload, options) {
        let sides = options.sides.iter().copied().filter(|&side| programs.can(side, &case));
        let mut series: Vec<Series> = sides.map(|side| Series::new(side, &case)).collect();
        for run in 1..=options.runs {
            for series in &mut series {
                progress.step(&case, series.side, run);
                if !series.hung {
                    series.add(once(series.side, &case, options, programs));
                }
            }
        }
        for series in series {
            series.finish(&case, &mut measured);
        }
    }
    progress.clear();
    measured
}

/// One process: the best of its repeats, for each row.
fn once(
    side: Side,
    case: &Case,
    options: &Options,
    programs: &Programs,
) -> Result<Vec<(Unit, f64)>, Failure> {
    if case.workload.group == "parked" {
        warm_memory(case.size);
    }
    let mut child = programs.child(side, case, options.repeats);
    read(&process::output(&mut child, options.timeout)?, case)
}

/// Touches as much memory as the parked goroutines take, so that every side finds it equally warm: on a virtual machine that
/// gives free pages back to its host, whoever comes first pays several times as much for a page as whoever comes next.
fn warm_memory(goroutines: Option<usize>) {
    const EACH: usize = 5 << 10;
    drop(std::hint::black_box(vec![1_u8; EACH * goroutines.unwrap_or(1_000_000)]));
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
    fn new(side: Side, case: &Case) -> Self {
        let samples = case.rows().map(|_| (Unit::Ns, Vec::new())).collect();
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
    fn finish(self, case: &Case, measured: &mut Measured) {
        let Case { workload, size, procs, .. } = *case;
        let side = self.side;
        for (row, (unit, samples)) in case.rows().zip(self.samples) {
            let measurement = Measurement::new(&row, unit, procs, side, samples);
            measured.measurements.extend(measurement.map(|m| m.of_size(size)));
        }
        if let Some(first) = self.failures.first() {
            let (workload, times, reason) =
                (workload.name.to_owned(), self.failures.len(), first.to_string());
            measured.failures.push(Failed { workload, size, procs, side, times, reason });
        }
    }
}

/// Reads what a child printed: for each row of the workload, the best of its repeats.
fn read(stdout: &str, case: &Case) -> Result<Vec<(Unit, f64)>, Failure> {
    let Case { workload, procs, .. } = *case;
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
        |name: String| best(&name).ok_or_else(|| Failure::Garbled(format!("printed no result for {name}")));
    case.rows().map(row).collect()
}

/// Reads a line `result row=NAME unit=UNIT value=NUMBER total=NUMBER`.
fn result(line: &str) -> Option<(&str, Unit, f64)> {
    let fields = line.strip_prefix("result ")?;
    let field = |name| fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let unit = match field("unit")? {
        "ns" => Unit::Ns,
        "bytes" => Unit::Bytes,
        "count" => Unit::Count,
        _ => return None,
    };
    Some((field("row")?, unit, field("value")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    const CASE: Case = Case { workload: &WORKLOADS[0], size: None, procs: 2, costs: false };

    #[test]
    fn the_best_repeat_counts() {
        let stdout = "result row=spawn_join_1M unit=ns value=20.5 total=20500000\n\
                      result row=spawn_join_1M unit=ns value=10.5 total=10500000\n\
                      done name=spawn_join_1M procs=2\n";
        assert_eq!(read(stdout, &CASE).expect("all lines are there"), [(Unit::Ns, 10.5)]);
    }

    #[test]
    fn a_child_that_counts_says_every_cost() {
        let case = Case { costs: true, ..CASE };
        let of_time = "result row=spawn_join_1M unit=ns value=20.5 total=20500000\n";
        let rows: String = case
            .rows()
            .skip(1)
            .map(|row| format!("result row={row} unit=count value=0.5 total=1\n"))
            .collect();
        let done = "done name=spawn_join_1M procs=2\n";
        let values = read(&format!("{of_time}{rows}{done}"), &case).expect("all lines are there");
        assert_eq!(values.len(), case.rows().count());
        assert_eq!(values[1], (Unit::Count, 0.5));
        assert!(read(&format!("{of_time}{done}"), &case).is_err());
    }

    #[test]
    fn a_child_that_stops_early_or_runs_with_other_ps_is_no_result() {
        let stdout = "result row=spawn_join_1M unit=ns value=20.5 total=20500000\n";
        let failure = read(stdout, &CASE).expect_err("no last line");
        assert!(failure.to_string().ends_with("not with `done name=spawn_join_1M procs=2`"), "{failure}");
        let failure = read(&format!("{stdout}done name=spawn_join_1M procs=1"), &CASE);
        assert!(failure.is_err());
        let failure = read("done name=spawn_join_1M procs=2", &CASE).expect_err("no result");
        assert_eq!(failure.to_string(), "printed no result for spawn_join_1M");
    }
}
