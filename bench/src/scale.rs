//! The table of `--scale`: what a unit costs when there are more of them.

use crate::args::Options;
use crate::results::{Measured, Measurement};
use crate::style::{Colour, Style, quantity};
use crate::workloads::Workload;

/// More than caches and TLBs explain, from ten thousand to a million.
const TOO_MUCH: f64 = 2.0;
/// Below ten thousand what is paid once per process shows.
const FROM: usize = 10_000;

/// Prints what the columns are.
pub(crate) fn head() {
    println!("Cost per unit, the best of all runs; growth is from {FROM} to the largest size\n");
}

/// Prints the lines of one workload: a line for each row, side and number of Ps.
pub(crate) fn workload(workload: &Workload, measured: &Measured, options: &Options) {
    let style = Style::of_terminal();
    print!("{:<22}{:>3}  {:<14}", workload.name, "P", "side");
    for size in options.sizes.iter().flatten() {
        print!("{size:>11}");
    }
    println!("{:>9}", "growth");
    for row in workload.rows {
        for &procs in &options.procs {
            for &side in &options.sides {
                let of_line = |m: &&Measurement| m.row == row.name && m.procs == procs && m.side == side;
                let line: Vec<&Measurement> = measured.measurements.iter().filter(of_line).collect();
                if !line.is_empty() {
                    let costs = costs(&line, options, style);
                    println!("{:<22}{procs:>3}  {side:<14}{costs}", row.name);
                }
            }
        }
    }
    println!();
}

/// The cost at each size, and how it grows.
fn costs(line: &[&Measurement], options: &Options, style: Style) -> String {
    let mut text = String::new();
    for &size in &options.sizes {
        let cost = line.iter().find(|m| m.size == size);
        let cost = cost.map_or("-".into(), |m| quantity(m.best, m.unit));
        text += &format!("{cost:>11}");
    }
    if let Some(growth) = growth(line) {
        let colour = if growth > TOO_MUCH { Colour::Yellow } else { Colour::None };
        text += &style.paint(colour, &format!("{growth:>8.2}x"));
    }
    text
}

/// How many times as much a unit costs at the largest size as at `FROM`.
fn growth(line: &[&Measurement]) -> Option<f64> {
    let from = line.iter().find(|m| m.size == Some(FROM))?;
    let to = line.iter().max_by_key(|m| m.size)?;
    (from.best > 0.0).then(|| to.best / from.best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Unit;
    use crate::side::Side;

    #[test]
    fn growth_is_from_ten_thousand_to_the_largest() {
        let at = |size, cost| {
            let m = Measurement::new("row", Unit::Ns, 1, Side::Auto, vec![cost]).expect("a sample");
            m.of_size(Some(size))
        };
        let all = [at(1000, 90.0), at(10_000, 20.0), at(100_000, 50.0), at(1_000_000, 30.0)];
        let line: Vec<&Measurement> = all.iter().collect();
        assert_eq!(growth(&line), Some(1.5));
        assert_eq!(growth(&line[..1]), None);
    }
}
