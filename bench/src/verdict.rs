//! What is to be said of a measurement: beyond noise only.

use std::fmt;

use crate::results::{Measurement, Unit};
use crate::style::Colour;
use crate::workloads::Target;

/// Two runs of the same program differ by about this much: a ratio of 0.98 is not yet slower.
pub(crate) const NOISE: f64 = 0.03;

/// What is to be said of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Slower than Go, the best and the median.
    Slower,
    /// Slower than Go by the best or by the median, but not by both: to be measured again.
    Unclear,
    /// Not slower than Go, but short of the goal; or above a limit.
    Below,
    /// The goal is reached.
    Met,
    /// There is nothing to compare it with.
    Unknown,
}

impl Verdict {
    /// Judges a measurement; `ratios` are those of the best and of the medians, if Go was measured.
    pub(crate) fn of(m: &Measurement, ratios: Option<(f64, f64)>, target: Target) -> Self {
        let slower = |ratio: f64| m.unit == Unit::Ns && ratio < 1.0 - NOISE;
        match (target, ratios) {
            (Target::Bytes(most), _) if m.best > most => Verdict::Below,
            (Target::Bytes(_), _) => Verdict::Met,
            (_, Some((best, medians))) if slower(best) && slower(medians) => Verdict::Slower,
            (_, Some((best, medians))) if slower(best) || slower(medians) => Verdict::Unclear,
            (Target::Ratio(goal), Some((best, _))) if best < goal * (1.0 - NOISE) => Verdict::Below,
            (Target::Ratio(_), Some(_)) => Verdict::Met,
            _ => Verdict::Unknown,
        }
    }

    /// The colour that says the same.
    pub(crate) fn colour(self) -> Colour {
        match self {
            Verdict::Slower => Colour::Red,
            Verdict::Unclear | Verdict::Below => Colour::Yellow,
            Verdict::Met => Colour::Green,
            Verdict::Unknown => Colour::None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Slower => "SLOWER",
            Verdict::Unclear => "unclear",
            Verdict::Below => "short",
            Verdict::Met => "ok",
            Verdict::Unknown => "",
        })
    }
}

/// How much the runs of one side differ among themselves, at least [`NOISE`].
pub(crate) fn spread(m: &Measurement) -> f64 {
    if m.best > 0.0 { (m.median / m.best - 1.0).max(NOISE) } else { NOISE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::Side;

    fn verdict(unit: Unit, best: f64, ratios: Option<(f64, f64)>, target: Target) -> Verdict {
        let m = Measurement::new("row", unit, 1, Side::Auto, vec![best]).expect("there is a sample");
        Verdict::of(&m, ratios, target)
    }

    #[test]
    fn verdicts() {
        let (target, both) = (Target::Ratio(2.0), |ratio| Some((ratio, ratio)));
        assert_eq!(verdict(Unit::Ns, 1.0, both(0.9), target), Verdict::Slower);
        assert_eq!(verdict(Unit::Ns, 1.0, both(0.99), target), Verdict::Below);
        assert_eq!(verdict(Unit::Ns, 1.0, both(1.99), target), Verdict::Met);
        assert_eq!(verdict(Unit::Ns, 1.0, None, target), Verdict::Unknown);
        assert_eq!(verdict(Unit::Ns, 1.0, both(0.5), Target::None), Verdict::Slower);
        assert_eq!(verdict(Unit::Bytes, 4000.0, both(0.5), Target::Bytes(4505.6)), Verdict::Met);
        assert_eq!(verdict(Unit::Bytes, 5000.0, None, Target::Bytes(4505.6)), Verdict::Below);
        assert_eq!(verdict(Unit::Bytes, 5000.0, both(0.5), Target::None), Verdict::Unknown);
    }

    #[test]
    fn slower_only_when_best_and_median_agree() {
        assert_eq!(verdict(Unit::Ns, 1.0, Some((0.9, 1.1)), Target::Ratio(1.0)), Verdict::Unclear);
        assert_eq!(verdict(Unit::Ns, 1.0, Some((1.1, 0.9)), Target::Ratio(1.0)), Verdict::Unclear);
        assert_eq!(verdict(Unit::Ns, 1.0, Some((1.1, 0.98)), Target::Ratio(1.0)), Verdict::Met);
    }

    #[test]
    fn a_spread_is_what_the_median_has_more() {
        let of = |samples: &[f64]| {
            spread(
                &Measurement::new("row", Unit::Ns, 1, Side::Go, samples.to_vec()).expect("there are samples"),
            )
        };
        assert!((of(&[10.0, 12.0, 15.0]) - 0.2).abs() < 1e-9);
        assert!((of(&[10.0, 10.1]) - NOISE).abs() < 1e-9);
    }
}
