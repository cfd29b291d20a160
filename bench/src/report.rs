//! The tables.

use std::fmt;
use std::io::{IsTerminal, stdout};

use crate::results::{Measured, Measurement, Results, Unit, find, ratios};
use crate::side::Side;
use crate::workloads::{Target, WORKLOADS, Workload};

/// Two runs of the same program differ by about this much: a ratio of 0.98 is not yet slower.
const NOISE: f64 = 0.03;

/// Prints the workloads by group.
pub(crate) fn list() {
    let mut group = "";
    for workload in WORKLOADS {
        let shown = if workload.group == group { "" } else { workload.group };
        println!("{shown:<10}{}", workload.name);
        group = workload.group;
    }
}

/// Prints results as they come in.
#[derive(Debug)]
pub(crate) struct Report {
    /// On a terminal, unless NO_COLOR is set.
    coloured: bool,
}

impl Report {
    /// Prints the head of the table.
    pub(crate) fn start(results: &Results) -> Self {
        let Results { go, os, arch, cpus, runs, repeats, .. } = results;
        let go = go.as_deref().unwrap_or("no Go");
        println!(
            "{go}, {os} {arch}, {cpus} CPUs; best and median of {runs} processes, each the best of {repeats} repeats"
        );
        println!(
            "Go/it: Go's time divided by this side's, of the best and of the medians; above 1 Go is slower\n"
        );
        let [best, median, of_best, of_medians, goal] = ["best", "median", "Go/it", "medians", "goal"];
        println!(
            "{:<22}{:>3}  {:<14}{best:>10}{median:>10}{of_best:>9}{of_medians:>9}{goal:>11}",
            "row", "P", "side"
        );
        Report { coloured: stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// Prints the lines of one workload.
    pub(crate) fn workload(&self, workload: &Workload, measured: &Measured) {
        let Measured { measurements, failures } = measured;
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
        for failed in failures {
            let text = format!("FAILED {}x: {}", failed.times, failed.reason);
            let text = self.paint(Colour::Red, &text);
            println!("{:<22}{:>3}  {:<14} {text}", workload.name, failed.procs, failed.side);
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
        let verdict = Verdict::of(m, ratios.map(|(best, _)| best), target);
        let goal = goal_text(target);
        let verdict = self.paint(verdict.colour(), &verdict.to_string());
        format!("{start}{of_best:>9}{of_medians:>9}{goal:>11}  {verdict}").trim_end().to_owned()
    }

    /// Prints which rows fall short.
    pub(crate) fn end(&self, results: &Results) {
        println!();
        for (verdict, title) in [(Verdict::Slower, "Slower than Go"), (Verdict::Below, "Short of the goal")] {
            let rows: Vec<String> = falling_short(results, verdict).collect();
            if !rows.is_empty() {
                println!("{} ({}): {}", self.paint(verdict.colour(), title), rows.len(), rows.join(", "));
            }
        }
        if !results.failures.is_empty() {
            println!("{} ({})", self.paint(Colour::Red, "Failed, see above"), results.failures.len());
        }
    }

    /// Prints how the results differ from earlier ones. Where Go was measured both times, the change of the
    /// ratio is the one to read: the machine was a different one at each time, even if it is the same.
    pub(crate) fn against(&self, now: &Results, then: &Results) {
        println!("\nAgainst the earlier file: best per operation, and Go/it of the best");
        for new in &now.measurements {
            let Some(old) = find(&then.measurements, &new.row, new.procs, new.side) else { continue };
            let (before, after) = (quantity(old.best, old.unit), quantity(new.best, new.unit));
            let time = self.change(new.best / old.best - 1.0, -1.0);
            let ratios = ratios(&then.measurements, old).zip(ratios(&now.measurements, new));
            let ratio = ratios.map_or(String::new(), |((before, _), (after, _))| {
                let change = self.change(after / before - 1.0, 1.0);
                format!("{:>9} -> {:>6} {change}", times(before), times(after))
            });
            let line = format!("{before:>9} -> {after:>9} {time}{ratio}");
            println!("{:<22}{:>3}  {:<14}{line}", new.row, new.procs, new.side);
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
        self.paint(colour, &format!("{:>+7.1}%", change * 100.0))
    }

    /// Puts the text in a colour, on a terminal.
    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::None => return text.to_owned(),
        };
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The colours of a terminal.
#[derive(Debug, Clone, Copy)]
enum Colour {
    Red,
    Green,
    Yellow,
    /// As the terminal has it.
    None,
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
        let of_row = results.measurements.iter().filter(|m| m.row == row.name && m.side != Side::Go);
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

/// An amount with three digits that count, in the unit that suits it.
fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Ns if value < 1e3 => format!("{} ns", three_digits(value)),
        Unit::Ns if value < 1e6 => format!("{} us", three_digits(value / 1e3)),
        Unit::Ns => format!("{} ms", three_digits(value / 1e6)),
    }
}

/// A ratio as the table shows it.
fn times(ratio: f64) -> String {
    format!("{}x", three_digits(ratio))
}

/// A number above 1 with three digits that count, or all it has before the point.
fn three_digits(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
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

    #[test]
    fn quantities_have_three_digits() {
        assert_eq!(quantity(9.876, Unit::Ns), "9.88 ns");
        assert_eq!(quantity(987.6, Unit::Ns), "988 ns");
        assert_eq!(quantity(98_760.0, Unit::Ns), "98.8 us");
        assert_eq!(quantity(331e6, Unit::Ns), "331 ms");
        assert_eq!(quantity(2740.4, Unit::Bytes), "2740 B");
    }
}
