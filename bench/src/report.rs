//! The tables.

use std::fmt;

use crate::args::{Options, Table};
use crate::costs;
use crate::results::{Failed, Measured, Measurement, Results, Unit, find, ratios};
use crate::scale;
use crate::side::{Kind, Side};
use crate::style::{Colour, Style, quantity, times};
use crate::workloads::{Target, WORKLOADS, Workload};

/// Two runs of the same program differ by about this much: a ratio of 0.98 is not yet slower.
const NOISE: f64 = 0.03;

/// Prints the workloads by group.
pub(crate) fn list() {
    let mut group = "";
    for workload in WORKLOADS {
        let shown = if workload.group == group { "" } else { workload.group };
        let sized = if workload.sized { "has a size" } else { "" };
        let note = if workload.run.is_none() { "not yet in goconc" } else { sized };
        println!("{}", format!("{shown:<10}{:<24}{note}", workload.name).trim_end());
        group = workload.group;
    }
}

/// Prints what the columns are.
fn head() {
    println!(
        "Go/it: Go's time divided by this side's, of the best and of the medians; above 1 Go is slower\n"
    );
    let [best, median, of_best, of_medians, goal] = ["best", "median", "Go/it", "medians", "goal"];
    println!(
        "{:<22}{:>3}  {:<14}{best:>10}{median:>10}{of_best:>9}{of_medians:>9}{goal:>11}",
        "row", "P", "side"
    );
}

/// Prints results as they come in.
#[derive(Debug)]
pub(crate) struct Report {
    style: Style,
}

impl Report {
    /// Prints the head of the table.
    pub(crate) fn start(results: &Results, options: &Options) -> Self {
        let Results { go, os, arch, cpus, runs, repeats, .. } = results;
        let go = go.as_deref().unwrap_or("no Go");
        println!(
            "{go}, {os} {arch}, {cpus} CPUs; best and median of {runs} processes, each the best of {repeats} repeats"
        );
        let style = Style::of_terminal();
        match options.table {
            Table::Ratios => head(),
            Table::Scale => scale::head(),
            Table::Costs => costs::head(),
        }
        Report { style }
    }

    /// Prints the lines of one workload.
    pub(crate) fn workload(&self, workload: &Workload, measured: &Measured) {
        let Measured { measurements, .. } = measured;
        for row in workload.rows {
            let mut shown = None;
            for measurement in measurements.iter().filter(|m| m.row == row.name) {
                let of_row = if shown.is_none() { row.name } else { "" };
                let of_procs = if shown == Some(measurement.procs) {
                    String::new()
                } else {
                    measurement.procs.to_string()
                };
                shown = Some(measurement.procs);
                let target = row.goal(measurement.procs);
                println!("{of_row:<22}{of_procs:>3}  {}", self.line(measurement, measurements, target));
            }
        }
        if workload.run.is_none() {
            println!("{:<22}{:>3}  {:<14} not yet", workload.name, "", "goconc");
        }
    }

    /// Prints what went wrong.
    pub(crate) fn failures(&self, measured: &Measured) {
        for Failed { workload, size, procs, side, times, reason } in &measured.failures {
            let size = size.map_or(String::new(), |size| format!("size {size}: "));
            let text = self.style.paint(Colour::Red, &format!("FAILED {times}x: {size}{reason}"));
            println!("{workload:<22}{procs:>3}  {side:<14} {text}");
        }
    }

    /// One side of one row, without the row's name.
    fn line(&self, m: &Measurement, measurements: &[Measurement], target: Target) -> String {
        let (best, median) = (quantity(m.best, m.unit), quantity(m.median, m.unit));
        let start = format!("{:<14}{best:>10}{median:>10}", m.side);
        if m.side == Side::Go {
            return start;
        }
        let ratios = ratios(measurements, m);
        let [of_best, of_medians] = match ratios {
            Some((best, medians)) => [times(best), times(medians)],
            None => ["-".into(), "-".into()],
        };
        if m.side.kind() == Kind::Peer {
            return format!("{start}{of_best:>9}{of_medians:>9}");
        }
        let verdict = Verdict::of(m, ratios.map(|(best, _)| best), target);
        let goal = goal_text(target);
        let verdict = self.style.paint(verdict.colour(), &verdict.to_string());
        format!("{start}{of_best:>9}{of_medians:>9}{goal:>11}  {verdict}").trim_end().to_owned()
    }

    /// Prints which rows fall short.
    pub(crate) fn end(&self, results: &Results) {
        println!();
        for (verdict, title) in [(Verdict::Slower, "Slower than Go"), (Verdict::Below, "Short of the goal")] {
            let rows: Vec<String> = falling_short(results, verdict).collect();
            if !rows.is_empty() {
                println!(
                    "{} ({}): {}",
                    self.style.paint(verdict.colour(), title),
                    rows.len(),
                    rows.join(", ")
                );
            }
        }
        if !results.failures.is_empty() {
            println!("{} ({})", self.style.paint(Colour::Red, "Failed, see above"), results.failures.len());
        }
    }

    /// Prints how the results differ from earlier ones. Where Go was measured both times, the change of the
    /// ratio is the one to read: the machine was a different one at each time, even if it is the same.
    pub(crate) fn against(&self, now: &Results, then: &Results) {
        println!("\nAgainst the earlier file: best per operation, and Go/it of the best");
        for new in &now.measurements {
            let Some(old) = find(&then.measurements, new, new.side) else { continue };
            let (before, after) = (quantity(old.best, old.unit), quantity(new.best, new.unit));
            let time = self.change(new.best / old.best - 1.0, -1.0);
            let ratios = ratios(&then.measurements, old).zip(ratios(&now.measurements, new));
            let ratio = ratios.map_or(String::new(), |((before, _), (after, _))| {
                let change = self.change(after / before - 1.0, 1.0);
                format!("{:>9} -> {:>6} {change}", times(before), times(after))
            });
            let line = format!("{before:>9} -> {after:>9} {time}{ratio}");
            let size = new.size.map_or(String::new(), |size| format!(" {size}"));
            let row = format!("{}{size}", new.row);
            println!("{row:<22}{:>3}  {:<14}{line}", new.procs, new.side);
        }
    }

    /// A change in percent, coloured when it is more than noise; `good` is the sign of a change for the
    /// better.
    fn change(&self, change: f64, good: f64) -> String {
        let colour = match change * good {
            better if better > NOISE => Colour::Green,
            worse if worse < -NOISE => Colour::Red,
            _ => Colour::None,
        };
        self.style.paint(colour, &format!("{:>+7.1}%", change * 100.0))
    }
}

/// What is to be said of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Slower than Go.
    Slower,
    /// Not slower than Go, but short of the goal; or above a limit.
    Below,
    /// The goal is reached.
    Met,
    /// There is nothing to compare it with.
    Unknown,
}

impl Verdict {
    /// Judges a measurement; `ratio` is that of the best, if Go was measured.
    fn of(m: &Measurement, ratio: Option<f64>, target: Target) -> Self {
        match (target, ratio) {
            (Target::Bytes(most), _) if m.best > most => Verdict::Below,
            (Target::Bytes(_), _) => Verdict::Met,
            (_, Some(ratio)) if m.unit == Unit::Ns && ratio < 1.0 - NOISE => Verdict::Slower,
            (Target::Ratio(goal), Some(ratio)) if ratio < goal * (1.0 - NOISE) => Verdict::Below,
            (Target::Ratio(_), Some(_)) => Verdict::Met,
            _ => Verdict::Unknown,
        }
    }

    /// The colour that says the same.
    fn colour(self) -> Colour {
        match self {
            Verdict::Slower => Colour::Red,
            Verdict::Below => Colour::Yellow,
            Verdict::Met => Colour::Green,
            Verdict::Unknown => Colour::None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Slower => "SLOWER",
            Verdict::Below => "short",
            Verdict::Met => "ok",
            Verdict::Unknown => "",
        })
    }
}

/// The names of the measurements with this verdict.
fn falling_short(results: &Results, verdict: Verdict) -> impl Iterator<Item = String> {
    let rows = WORKLOADS.iter().flat_map(|workload| workload.rows);
    rows.flat_map(move |row| {
        let of_row =
            results.measurements.iter().filter(|m| m.row == row.name && m.side.kind() == Kind::Goconc);
        of_row.filter(move |m| {
            let ratio = ratios(&results.measurements, m).map(|(best, _)| best);
            Verdict::of(m, ratio, row.goal(m.procs)) == verdict
        })
    })
    .map(|m| format!("{} P={} {}", m.row, m.procs, m.side))
}

/// A goal as the table shows it.
fn goal_text(target: Target) -> String {
    match target {
        Target::Ratio(goal) => format!("{goal}x"),
        Target::Bytes(most) => format!("<= {most:.0} B"),
        Target::None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(unit: Unit, best: f64, ratio: Option<f64>, target: Target) -> Verdict {
        let m = Measurement::new("row", unit, 1, Side::Auto, vec![best]).expect("there is a sample");
        Verdict::of(&m, ratio, target)
    }

    #[test]
    fn verdicts() {
        let target = Target::Ratio(2.0);
        assert_eq!(verdict(Unit::Ns, 1.0, Some(0.9), target), Verdict::Slower);
        assert_eq!(verdict(Unit::Ns, 1.0, Some(0.99), target), Verdict::Below);
        assert_eq!(verdict(Unit::Ns, 1.0, Some(1.99), target), Verdict::Met);
        assert_eq!(verdict(Unit::Ns, 1.0, None, target), Verdict::Unknown);
        assert_eq!(verdict(Unit::Ns, 1.0, Some(0.5), Target::None), Verdict::Slower);
        assert_eq!(verdict(Unit::Bytes, 4000.0, Some(0.5), Target::Bytes(4505.6)), Verdict::Met);
        assert_eq!(verdict(Unit::Bytes, 5000.0, None, Target::Bytes(4505.6)), Verdict::Below);
        assert_eq!(verdict(Unit::Bytes, 5000.0, Some(0.5), Target::None), Verdict::Unknown);
    }
}
