//! The table of `--costs`: what the scheduler does per operation, and how that grows with the number of Ps.
//!
//! Two CPUs cannot show what sixteen would take, but what is done can be counted: a thread that is woken, a chain that is
//! stolen, a look at all Ps for nothing. The child counts, with `runtime::metrics()`, and prints it with its results.

use goconc::runtime::{self, Metrics};

use crate::args::Options;
use crate::recorder::Recorder;
use crate::results::{Measured, Measurement, Unit};
use crate::side::Side;
use crate::style::{Colour, Style, quantity};
use crate::workloads::Workload;

/// Something that is counted.
pub(crate) struct Cost {
    /// The head of its column.
    name: &'static str,
    unit: Unit,
    /// How much of it there has been in this process.
    so_far: fn(&Metrics) -> u64,
}

/// All that is counted, in the order of the columns.
pub(crate) static COSTS: &[Cost] = &[
    Cost { name: "cpu", unit: Unit::Ns, so_far: |_| cpu_time() },
    count("wakes", |m| m.thread_wakes),
    count("mailed", |m| m.mailed),
    count("drawn", |m| m.drawn),
    count("moved", |m| m.moved),
    count("offers", |m| m.published),
    count("steals", |m| m.steals),
    count("misses", |m| m.vain_steals),
    count("global", |m| m.global_puts + m.global_takes),
    count("spins", |m| m.spins),
    count("failed", |m| m.vain_spins),
    count("retaken", |m| m.retaken),
];

const fn count(name: &'static str, so_far: fn(&Metrics) -> u64) -> Cost {
    Cost { name, unit: Unit::Count, so_far }
}

impl Cost {
    /// What a child calls it, and what it is called in files.
    pub(crate) fn row(&self, workload: &str) -> String {
        format!("{workload}.{}", self.name)
    }
}

/// In a child: what was counted before the workload began.
#[derive(Debug)]
pub(crate) struct Meter(Vec<u64>);

impl Meter {
    /// From now on.
    pub(crate) fn start() -> Meter {
        Meter(so_far())
    }

    /// Prints what has come since, per operation.
    pub(crate) fn print(&self, recorder: &Recorder) {
        for ((cost, now), before) in COSTS.iter().zip(so_far()).zip(&self.0) {
            let unit = if cost.unit == Unit::Ns { "ns" } else { "count" };
            recorder.of_all(&cost.row(recorder.name()), unit, now.saturating_sub(*before));
        }
    }
}

fn so_far() -> Vec<u64> {
    let metrics = runtime::metrics();
    COSTS.iter().map(|cost| (cost.so_far)(&metrics)).collect()
}

/// The CPU time of this process, of all its threads, in nanoseconds.
fn cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec, which the call fills.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) } != 0;
    assert!(!failed, "every process has such a clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Prints what the columns are.
pub(crate) fn head() {
    println!(
        "Per operation, the median of all processes; m: thousandths, u: millionths\n\
         time     of the clock            cpu      of all threads\n\
         wakes    of sleeping threads     mailed   goroutines woken by another thread, for their own\n\
         drawn    goroutines woken by another thread, which took them\n\
         moved    to another thread, for whatever reason\n\
         offers   of surplus to others    steals   of such    misses  looks at all Ps for nothing\n\
         global   pushes and takes        spins    begun      failed  ended in sleep\n\
         retaken  Ps taken by sysmon      yellow   more than twice what it is at the fewest Ps\n"
    );
}

/// Prints the lines of one workload: a line for each side and number of Ps.
pub(crate) fn workload(workload: &Workload, measured: &Measured, options: &Options) {
    let style = Style::of_terminal();
    let names: String = COSTS.iter().map(|cost| format!("{:>8}", cost.name)).collect();
    println!("{:<20}{:>3}  {:<13}{:>8}{names}", workload.name, "P", "side", "time");
    for &side in &options.sides {
        for &procs in &options.procs {
            let cells: Option<String> = columns(workload)
                .map(|row| {
                    let cell = median(measured, &row, side, procs)?;
                    let least = median(measured, &row, side, *options.procs.iter().min()?)?;
                    let colour = if grows(least, cell) { Colour::Yellow } else { Colour::None };
                    Some(style.paint(colour, &format!("{:>8}", short(cell))))
                })
                .collect();
            if let Some(cells) = cells {
                println!("{:<20}{procs:>3}  {side:<13}{cells}", "");
            }
        }
    }
    println!();
}

/// The rows of the first measured quantity and of all costs.
fn columns(workload: &Workload) -> impl Iterator<Item = String> {
    let first = workload.rows.iter().take(1).map(|row| row.name.to_owned());
    first.chain(COSTS.iter().map(|cost| cost.row(workload.name)))
}

fn median<'a>(measured: &'a Measured, row: &str, side: Side, procs: usize) -> Option<&'a Measurement> {
    measured.measurements.iter().find(|m| m.row == row && m.side == side && m.procs == procs)
}

/// Whether it is worth a colour. What happens once in ten thousand operations is not.
fn grows(least: &Measurement, now: &Measurement) -> bool {
    const SELDOM: f64 = 1e-4;
    now.median > 2.0 * least.median && (now.unit != Unit::Count || now.median > SELDOM)
}

/// As [`quantity`], without the spaces, for many columns.
fn short(m: &Measurement) -> String {
    quantity(m.median, m.unit).replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(unit: Unit, samples: &[f64]) -> Measurement {
        Measurement::new("row", unit, 2, Side::Auto, samples.to_vec()).expect("there are samples")
    }

    #[test]
    fn rows_have_names_of_their_own_without_spaces() {
        let mut names: Vec<String> = COSTS.iter().map(|cost| cost.row("ring503")).collect();
        assert!(names.iter().all(|name| name.starts_with("ring503.") && !name.contains(' ')), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), COSTS.len());
    }

    #[test]
    fn growth_is_twice_and_not_seldom() {
        let at = |median| measurement(Unit::Count, &[median]);
        assert!(grows(&at(0.1), &at(0.3)) && grows(&at(0.0), &at(0.001)));
        assert!(!grows(&at(0.1), &at(0.2)) && !grows(&at(0.0), &at(0.000_01)));
    }

    #[test]
    fn a_cell_is_the_median() {
        assert_eq!(short(&measurement(Unit::Count, &[0.001, 0.002, 0.3])), "2.00m");
        assert_eq!(short(&measurement(Unit::Ns, &[1500.0])), "1.50us");
    }

    #[test]
    fn cpu_time_passes() {
        let before = cpu_time();
        while cpu_time() == before {}
        assert!(cpu_time() > before);
    }
}
