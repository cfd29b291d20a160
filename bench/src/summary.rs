//! What comes after the table: goals by group, what falls short, and what has changed since an earlier file.

use crate::results::{Measurement, Results, Unit, find, ratios};
use crate::side::{Kind, Side};
use crate::style::{Colour, Style, quantity, times};
use crate::verdict::{NOISE, Verdict, spread};
use crate::workloads::{WORKLOADS, Workload};

/// Prints how many goals were reached, and which rows fall short.
pub(crate) fn end(results: &Results) {
    let style = Style::of_terminal();
    println!();
    by_group(results, style);
    let verdicts = [
        (Verdict::Slower, "Slower than Go"),
        (Verdict::Unclear, "Slower than Go by the best or by the median, not by both: measure again"),
        (Verdict::Below, "Short of the goal"),
    ];
    for (verdict, title) in verdicts {
        let rows = judged(results).filter(|&(.., of_row)| of_row == verdict);
        list(style, verdict.colour(), title, rows.map(|(_, m, _)| name(m)).collect());
    }
    list(style, Colour::Red, "Behind another library", behind(results));
    if !results.failures.is_empty() {
        println!("{} ({})", style.paint(Colour::Red, "Failed, see above"), results.failures.len());
    }
}

fn list(style: Style, colour: Colour, title: &str, rows: Vec<String>) {
    if !rows.is_empty() {
        println!("{} ({}): {}", style.paint(colour, title), rows.len(), rows.join(", "));
    }
}

fn name(m: &Measurement) -> String {
    format!("{} P={} {}", m.row, m.procs, m.side)
}

/// All measurements of ours that have a verdict.
fn judged(results: &Results) -> impl Iterator<Item = (&'static Workload, &Measurement, Verdict)> {
    let rows = WORKLOADS.iter().flat_map(|workload| workload.rows.iter().map(move |row| (workload, row)));
    let all = rows.flat_map(move |(workload, row)| {
        let of_row =
            results.measurements.iter().filter(|m| m.row == row.name && m.side.kind() == Kind::Goconc);
        of_row.map(move |m| {
            let verdict = Verdict::of(m, ratios(&results.measurements, m), row.goal(m.procs));
            (workload, m, verdict)
        })
    });
    all.filter(|&(.., verdict)| verdict != Verdict::Unknown)
}

/// A line for each group, a column for each number of Ps and policy: goals reached, of how many.
fn by_group(results: &Results, style: Style) {
    let mut columns: Vec<(usize, Side)> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for (workload, m, _) in judged(results) {
        if !columns.contains(&(m.procs, m.side)) {
            columns.push((m.procs, m.side));
        }
        if lines.last() != Some(&workload.group) {
            lines.push(workload.group);
        }
    }
    if lines.is_empty() {
        return;
    }
    columns.sort_by_key(|&(procs, side)| (procs, side.option()));
    let heads: String = columns
        .iter()
        .map(|(procs, side)| format!("{:>14}", format!("P={procs} {}", side.option())))
        .collect();
    println!("{:<14}{heads}", "goals reached");
    let line = |title: &str, group: Option<&str>| {
        let cells = columns.iter().map(|&column| cell(reached(results, group, column), style));
        println!("{title:<14}{}", cells.collect::<String>());
    };
    lines.iter().for_each(|&group| line(group, Some(group)));
    if lines.len() > 1 {
        line("all", None);
    }
    println!();
}

/// How many goals were reached, of how many: of a group, or of all of them.
fn reached(results: &Results, group: Option<&str>, column: (usize, Side)) -> (usize, usize) {
    let of_cell = judged(results).filter(|&(workload, m, _)| {
        group.is_none_or(|group| workload.group == group) && (m.procs, m.side) == column
    });
    of_cell.fold((0, 0), |(met, all), (.., verdict)| (met + usize::from(verdict == Verdict::Met), all + 1))
}

fn cell((met, all): (usize, usize), style: Style) -> String {
    let colour = if met == all { Colour::Green } else { Colour::Yellow };
    let text = if all == 0 { "-".to_owned() } else { format!("{met} of {all}") };
    style.paint(colour, &format!("{text:>14}"))
}

/// Rows of ours for which another library takes less time, by the best and by the median.
fn behind(results: &Results) -> Vec<String> {
    let ours = results.measurements.iter().filter(|m| m.side.kind() == Kind::Goconc && m.unit == Unit::Ns);
    ours.filter_map(|m| {
        let same = |p: &&Measurement| p.row == m.row && p.size == m.size && p.procs == m.procs;
        let peers = results.measurements.iter().filter(same).filter(|p| p.side.kind() == Kind::Peer);
        let first = peers.min_by(|a, b| a.best.total_cmp(&b.best))?;
        let ahead = |ours: f64, theirs: f64| theirs < ours * (1.0 - NOISE);
        (ahead(m.best, first.best) && ahead(m.median, first.median))
            .then(|| format!("{} ({} {})", name(m), first.side, times(m.best / first.best)))
    })
    .collect()
}

/// Prints how the results differ from earlier ones. Where Go was measured both times, the change of the ratio is the one that
/// counts: the machine was a different one at each time, even if it is the same.
pub(crate) fn against(now: &Results, then: &Results) {
    let style = Style::of_terminal();
    println!("\nAgainst the earlier file: best per operation, and Go/it of the best");
    let (mut better, mut worse, mut unknown) = (0, Vec::new(), 0);
    for new in &now.measurements {
        let Some(old) = find(&then.measurements, new, new.side) else {
            unknown += 1;
            continue;
        };
        let change = Change::of(now, new, then, old);
        let verdict = match change.verdict() {
            _ if new.side.kind() != Kind::Goconc => String::new(), // that is the machine
            1 => {
                better += 1;
                style.paint(Colour::Green, "better")
            }
            -1 => {
                worse.push(name(new));
                style.paint(Colour::Red, "worse")
            }
            _ => String::new(),
        };
        let size = new.size.map_or(String::new(), |size| format!(" {size}"));
        let row = format!("{}{size}", new.row);
        println!("{}", format!("{row:<22}{:>3}  {:<14}{change}  {verdict}", new.procs, new.side).trim_end());
    }
    println!("\n{better} better, {} worse beyond noise; {unknown} not in the earlier file", worse.len());
    list(style, Colour::Red, "Worse", worse);
}

/// What has become of a measurement.
struct Change {
    old: String,
    new: String,
    /// Of the time, in parts of it: less is better.
    time: f64,
    /// Go/it before and after.
    ratios: Option<(f64, f64)>,
    /// As much differs by itself.
    noise: f64,
}

impl Change {
    fn of(now: &Results, new: &Measurement, then: &Results, old: &Measurement) -> Change {
        let go = |results: &Results, m: &Measurement| {
            find(&results.measurements, m, Side::Go).map_or(NOISE, spread)
        };
        let both = ratios(&then.measurements, old).zip(ratios(&now.measurements, new));
        let own = spread(old).max(spread(new));
        Change {
            old: quantity(old.best, old.unit),
            new: quantity(new.best, new.unit),
            time: if old.best > 0.0 { new.best / old.best - 1.0 } else { 0.0 },
            ratios: both.map(|((before, _), (after, _))| (before, after)),
            noise: if both.is_some() { own.max(go(now, new)).max(go(then, old)) } else { own },
        }
    }

    /// Better 1, worse -1; 0 within the noise, or when the time says something else than the ratio: then it was Go.
    fn verdict(&self) -> i32 {
        let ratio = self.ratios.map_or(-self.time, |(before, after)| after / before - 1.0);
        let sign = |gain: f64| i32::from(gain > self.noise) - i32::from(gain < -self.noise);
        if sign(-self.time) == sign(ratio) { sign(ratio) } else { 0 }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Change { old, new, time, .. } = self;
        write!(f, "{old:>9} -> {new:>9} {:>+7.1}%", time * 100.0)?;
        if let Some((before, after)) = self.ratios {
            let change = (after / before - 1.0) * 100.0;
            write!(f, "{:>9} -> {:>6} {change:>+7.1}%", times(before), times(after))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Options;
    use crate::results::Measured;

    fn results(of: &[(&str, Side, &[f64])]) -> Results {
        let mut results = Results::new(&Options::default(), None);
        let measurements = of
            .iter()
            .filter_map(|(row, side, samples)| Measurement::new(row, Unit::Ns, 2, *side, samples.to_vec()));
        results.add(Measured { measurements: measurements.collect(), failures: Vec::new() });
        results
    }

    #[test]
    fn goals_are_counted_by_group() {
        let results = results(&[
            ("gosched_1", Side::Go, &[80.0]),
            ("gosched_1", Side::Auto, &[4.0]),
            ("gosched_100x", Side::Go, &[80.0]),
            ("gosched_100x", Side::Auto, &[40.0]),
            ("ring503", Side::Go, &[80.0]),
            ("ring503", Side::Auto, &[20.0]),
        ]);
        assert_eq!(reached(&results, Some("yield"), (2, Side::Auto)), (1, 2));
        assert_eq!(reached(&results, Some("classic"), (2, Side::Auto)), (1, 1));
        assert_eq!(reached(&results, None, (2, Side::Auto)), (2, 3));
        assert_eq!(reached(&results, None, (1, Side::Auto)), (0, 0));
    }

    #[test]
    fn behind_is_who_is_slower_by_best_and_median() {
        let results = results(&[
            ("ring503", Side::Auto, &[20.0, 21.0, 22.0]),
            ("ring503", Side::Kanal, &[10.0, 11.0, 12.0]),
            ("gosched_1", Side::Auto, &[20.0, 21.0, 22.0]),
            ("gosched_1", Side::Tokio, &[10.0, 30.0, 32.0]),
        ]);
        assert_eq!(behind(&results), ["ring503 P=2 goconc auto (kanal 2.00x)"]);
    }

    #[test]
    fn a_change_is_one_beyond_the_noise_and_beyond_the_change_of_go() {
        let verdict = |go: [f64; 2], ours: [&[f64]; 2]| {
            let at = |i: usize| results(&[("ring503", Side::Go, &[go[i]]), ("ring503", Side::Auto, ours[i])]);
            let (then, now) = (at(0), at(1));
            Change::of(&now, &now.measurements[1], &then, &then.measurements[1]).verdict()
        };
        assert_eq!(verdict([80.0, 80.0], [&[20.0], &[25.0]]), -1);
        assert_eq!(verdict([80.0, 100.0], [&[20.0], &[25.0]]), 0, "Go is as much slower");
        assert_eq!(verdict([100.0, 80.0], [&[20.0], &[20.0]]), 0, "only Go has changed");
        assert_eq!(verdict([80.0, 80.0], [&[20.0], &[20.4]]), 0);
        assert_eq!(verdict([80.0, 80.0], [&[20.0, 30.0, 30.0], &[25.0]]), 0, "it differed as much before");
        assert_eq!(verdict([80.0, 80.0], [&[20.0], &[16.0]]), 1);
    }
}
