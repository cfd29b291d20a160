//! The tables.

use crate::args::{Options, Table};
use crate::costs;
use crate::results::{Failed, Measured, Measurement, Results, ratios};
use crate::scale;
use crate::side::{Kind, Side};
use crate::style::{Colour, Style, quantity, times};
use crate::verdict::Verdict;
use crate::workloads::{Target, WORKLOADS, Workload};

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
        let verdict = Verdict::of(m, ratios, target);
        let goal = goal_text(target);
        let verdict = self.style.paint(verdict.colour(), &verdict.to_string());
        format!("{start}{of_best:>9}{of_medians:>9}{goal:>11}  {verdict}").trim_end().to_owned()
    }
}

/// A goal as the table shows it.
fn goal_text(target: Target) -> String {
    match target {
        Target::Ratio(goal) => format!("{goal}x"),
        Target::Bytes(most) => format!("<= {most:.0} B"),
        Target::None => String::new(),
    }
}
