//! How amounts and colours look in the tables.

use std::env;
use std::io::{IsTerminal, stdout};

use crate::results::Unit;

/// The colours of a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Colour {
    Red,
    Green,
    Yellow,
    /// As the terminal has it.
    None,
}

/// Whether there are colours at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    coloured: bool,
}

impl Style {
    /// Colours on a terminal, unless NO_COLOR is set.
    pub(crate) fn of_terminal() -> Self {
        Style { coloured: stdout().is_terminal() && env::var_os("NO_COLOR").is_none() }
    }

    /// Puts the text in a colour, if there are any.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::None => return text.to_owned(),
        };
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// An amount with three digits that count, in the unit that suits it.
pub(crate) fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Count if value == 0.0 => "0".to_owned(),
        Unit::Count if value < 0.9995e-3 => format!("{} u", three_digits(value * 1e6)),
        Unit::Count if value < 0.9995 => format!("{} m", three_digits(value * 1e3)),
        Unit::Count if value < 999.5 => three_digits(value),
        Unit::Count if value < 999_500.0 => format!("{} k", three_digits(value / 1e3)),
        Unit::Count => format!("{} M", three_digits(value / 1e6)),
        Unit::Ns if value < 1e3 => format!("{} ns", three_digits(value)),
        Unit::Ns if value < 1e6 => format!("{} us", three_digits(value / 1e3)),
        Unit::Ns => format!("{} ms", three_digits(value / 1e6)),
    }
}

/// A ratio as the table shows it.
pub(crate) fn times(ratio: f64) -> String {
    format!("{}x", three_digits(ratio))
}

/// A number above 1 with three digits that count, or all it has before the point.
fn three_digits(value: f64) -> String {
    match value {
        _ if value < 9.995 => format!("{value:.2}"),
        _ if value < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_there_are_any() {
        assert_eq!(Style { coloured: true }.paint(Colour::Red, "slow"), "\x1b[31mslow\x1b[0m");
        assert_eq!(Style { coloured: true }.paint(Colour::None, "slow"), "slow");
        assert_eq!(Style { coloured: false }.paint(Colour::Red, "slow"), "slow");
    }

    #[test]
    fn quantities_have_three_digits() {
        assert_eq!(quantity(9.876, Unit::Ns), "9.88 ns");
        assert_eq!(quantity(9.996, Unit::Ns), "10.0 ns");
        assert_eq!(quantity(987.6, Unit::Ns), "988 ns");
        assert_eq!(quantity(98_760.0, Unit::Ns), "98.8 us");
        assert_eq!(quantity(331e6, Unit::Ns), "331 ms");
        assert_eq!(quantity(2740.4, Unit::Bytes), "2740 B");
        let counts = [0.0, 0.000_012_3, 0.0123, 1.0, 12_340.0, 1e6].map(|count| quantity(count, Unit::Count));
        assert_eq!(counts, ["0", "12.3 u", "12.3 m", "1.00", "12.3 k", "1.00 M"]);
    }
}
