//! What was measured, and its file.

use std::fs;
use std::path::Path;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::args::Options;
use crate::side::Side;

/// Counts up when a file of an earlier version can no longer be read.
const FORMAT: u32 = 1;

/// Everything one call of the program measured. It names neither the machine nor a path.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    /// FORMAT of the program that wrote it.
    format: u32,
    /// The version of Go, if it was measured.
    pub(crate) go: Option<String>,
    pub(crate) os: String,
    pub(crate) arch: String,
    pub(crate) cpus: usize,
    pub(crate) runs: usize,
    pub(crate) repeats: usize,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) failures: Vec<Failed>,
}

impl Results {
    /// Results without measurements.
    pub(crate) fn new(options: &Options, go: Option<String>) -> Self {
        Results {
            format: FORMAT,
            go,
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: thread::available_parallelism().map_or(0, usize::from),
            runs: options.runs,
            repeats: options.repeats,
            measurements: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds what came out of a workload.
    pub(crate) fn add(&mut self, measured: Measured) {
        self.measurements.extend(measured.measurements);
        self.failures.extend(measured.failures);
    }

    /// Reads a file of `to_json`.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let results: Results =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        if results.format != FORMAT {
            return Err(format!("{}: format {}, not {FORMAT}", file.display(), results.format));
        }
        Ok(results)
    }

    /// Everything as JSON.
    pub(crate) fn to_json(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }
}

/// What came out of one workload.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) failures: Vec<Failed>,
}

/// One row, on one side, with one number of Ps.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) row: String,
    /// Of a sized workload, if it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<usize>,
    pub(crate) unit: Unit,
    pub(crate) procs: usize,
    pub(crate) side: Side,
    pub(crate) best: f64,
    pub(crate) median: f64,
    /// One per process that came to its end, each the best of its repeats.
    pub(crate) samples: Vec<f64>,
}

/// Per operation, or per goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    /// Nanoseconds.
    Ns,
    /// Bytes.
    Bytes,
    /// How often something happened.
    Count,
}

impl Measurement {
    /// `None` without samples.
    pub(crate) fn new(row: &str, unit: Unit, procs: usize, side: Side, samples: Vec<f64>) -> Option<Self> {
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let best = *sorted.first()?;
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Measurement { row: row.to_owned(), size: None, unit, procs, side, best, median, samples })
    }

    /// The same, with this size.
    pub(crate) fn of_size(mut self, size: Option<usize>) -> Self {
        self.size = size;
        self
    }
}

/// What `side` measured where another side, or an earlier file, has `like`.
pub(crate) fn find<'a>(
    measurements: &'a [Measurement],
    like: &Measurement,
    side: Side,
) -> Option<&'a Measurement> {
    let same = |m: &&Measurement| m.row == like.row && m.size == like.size && m.procs == like.procs;
    measurements.iter().filter(same).find(|m| m.side == side)
}

/// How many times as long Go takes as `measurement`: of the best and of the medians. `None` for Go itself, or
/// without it.
pub(crate) fn ratios(measurements: &[Measurement], measurement: &Measurement) -> Option<(f64, f64)> {
    let go = find(measurements, measurement, Side::Go)?;
    (measurement.side != Side::Go).then(|| (go.best / measurement.best, go.median / measurement.median))
}

/// The children of one side that gave no result.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) workload: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<usize>,
    pub(crate) procs: usize,
    pub(crate) side: Side,
    pub(crate) times: usize,
    /// Of the first one.
    pub(crate) reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(side: Side, samples: &[f64]) -> Measurement {
        Measurement::new("row", Unit::Ns, 1, side, samples.to_vec()).expect("there are samples")
    }

    #[test]
    fn best_and_median() {
        let odd = measurement(Side::Go, &[30.0, 10.0, 20.0]);
        assert_eq!((odd.best, odd.median), (10.0, 20.0));
        let even = measurement(Side::Go, &[40.0, 10.0, 20.0, 30.0]);
        assert_eq!((even.best, even.median), (10.0, 25.0));
        assert!(Measurement::new("row", Unit::Ns, 1, Side::Go, Vec::new()).is_none());
    }

    #[test]
    fn ratios_are_go_divided_by_the_other() {
        let all = [measurement(Side::Go, &[30.0, 40.0]), measurement(Side::Sticky, &[10.0, 25.0])];
        assert_eq!(ratios(&all, &all[1]), Some((3.0, 2.0)));
        assert_eq!(ratios(&all, &all[0]), None);
        assert_eq!(ratios(&all[1..], &all[1]), None);
    }

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let mut results = Results::new(&Options::default(), Some("go1.27".into()));
        let failed = Failed {
            workload: "w".into(),
            size: None,
            procs: 2,
            side: Side::Auto,
            times: 1,
            reason: "hung".into(),
        };
        let measurements =
            vec![measurement(Side::Sticky, &[1.5]), measurement(Side::May, &[2.5]).of_size(Some(1000))];
        results.add(Measured { measurements, failures: vec![failed] });
        let text = serde_json::to_string(&results).expect("it can be written");
        let back: Results = serde_json::from_str(&text).expect("it can be read");
        assert_eq!(serde_json::to_string(&back).expect("it can be written"), text);
        assert!(text.contains(r#""side":"goconc sticky""#), "{text}");
    }

    #[test]
    fn only_the_same_size_is_compared() {
        let go = [measurement(Side::Go, &[30.0]).of_size(Some(1000)), measurement(Side::Go, &[60.0])];
        let ours = measurement(Side::Auto, &[10.0]);
        assert_eq!(ratios(&go, &ours), Some((6.0, 6.0)));
        assert_eq!(ratios(&go, &ours.of_size(Some(1000))), Some((3.0, 3.0)));
    }
}
