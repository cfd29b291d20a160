//! Draws the ratios as SVG: how many times as long Go takes, on a logarithmic scale, one bar for each side and number of Ps.

use std::fmt::{self, Write};

use crate::results::{Measurement, Results, Unit, ratios};
use crate::side::Side;
use crate::style::times;
use crate::workloads::{Target, WORKLOADS};

/// Of the names at the left.
const LEFT: f64 = 190.0;
/// Between the lowest and the highest power of two.
const WIDTH: f64 = 640.0;
/// For the figures behind the bars.
const RIGHT: f64 = 60.0;
/// Of the title, a legend of one line, and the scale.
const TOP: f64 = 66.0;
/// Of each further line of the legend.
const LINE: f64 = 15.0;
const BAR: f64 = 9.0;
/// Between two rows.
const GAP: f64 = 9.0;

/// One bar.
struct Bar {
    /// Which colour it has: one for each side and number of Ps, in the order in which they first come.
    series: usize,
    ratio: f64,
    goal: Option<f64>,
}

/// The bars of one row of the table.
struct Row {
    name: &'static str,
    bars: Vec<Bar>,
}

/// The picture of everything that has a ratio; without any it says so.
pub(crate) fn picture(results: &Results) -> String {
    let mut series = Vec::new();
    let rows = rows(results, &mut series);
    let mut picture = String::new();
    draw(&mut picture, &rows, &series).expect("a string takes all that is written");
    picture
}

/// All rows with a ratio, in the order of the table; names the series as they come.
fn rows(results: &Results, series: &mut Vec<String>) -> Vec<Row> {
    let all = WORKLOADS.iter().flat_map(|workload| workload.rows);
    let rows = all.map(|row| {
        let of_row = |m: &&Measurement| m.row == row.name && m.size.is_none() && m.unit == Unit::Ns;
        let bars = results.measurements.iter().filter(of_row).filter_map(|m| {
            let (ratio, _) = ratios(&results.measurements, m)?;
            let goal = match row.goal(m.procs) {
                Target::Ratio(goal) if matches!(m.side, Side::Auto | Side::Sticky) => Some(goal),
                _ => None,
            };
            Some(Bar { series: number(series, format!("{}, P={}", m.side, m.procs)), ratio, goal })
        });
        Row { name: row.name, bars: bars.collect() }
    });
    rows.filter(|row| !row.bars.is_empty()).collect()
}

/// The number of a series, which gets one if it is new.
fn number(series: &mut Vec<String>, name: String) -> usize {
    series.iter().position(|known| *known == name).unwrap_or_else(|| {
        series.push(name);
        series.len() - 1
    })
}

/// Where a ratio is on the scale.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Powers of two.
    from: i32,
    to: i32,
}

impl Scale {
    /// Whole powers of two that leave nothing out, at least from a half to twice.
    fn of(ratios: impl Iterator<Item = f64>) -> Self {
        ratios.filter(|ratio| *ratio > 0.0 && ratio.is_finite()).fold(
            Scale { from: -1, to: 1 },
            |scale, ratio| {
                let power = ratio.log2();
                Scale { from: scale.from.min(power.floor() as i32), to: scale.to.max(power.ceil() as i32) }
            },
        )
    }

    /// The distance from the left edge of the picture.
    fn x(self, ratio: f64) -> f64 {
        let power = ratio.log2().clamp(f64::from(self.from), f64::from(self.to));
        LEFT + (power - f64::from(self.from)) / f64::from(self.to - self.from) * WIDTH
    }
}

/// Writes the whole picture.
fn draw(out: &mut String, rows: &[Row], series: &[String]) -> fmt::Result {
    let bars: usize = rows.iter().map(|row| row.bars.len()).sum();
    let width = LEFT + WIDTH + RIGHT;
    let places = places(series, width);
    let top = TOP + places.last().map_or(0.0, |&(_, y)| y);
    let height = top + bars as f64 * BAR + rows.len() as f64 * GAP + 10.0;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">"#
    )?;
    writeln!(out, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    writeln!(out, r#"<text x="10" y="18" font-size="14">Go's time divided by the other's</text>"#)?;
    if rows.is_empty() {
        writeln!(out, r#"<text x="10" y="40">Nothing was measured on both sides.</text>"#)?;
        return writeln!(out, "</svg>");
    }
    legend(out, series, &places)?;
    let scale = Scale::of(rows.iter().flat_map(|row| &row.bars).map(|bar| bar.ratio));
    grid(out, scale, top, height)?;
    let mut y = top;
    for row in rows {
        let middle = y + row.bars.len() as f64 * BAR / 2.0 + 4.0;
        writeln!(out, r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#, LEFT - 8.0, row.name)?;
        for bar in &row.bars {
            draw_bar(out, bar, scale, y)?;
            y += BAR;
        }
        y += GAP;
    }
    writeln!(out, "</svg>")
}

/// Where in the legend each series is, and at the end the mark of a goal: as many in a line as there is room for.
fn places(series: &[String], width: f64) -> Vec<(f64, f64)> {
    let (mut x, mut y) = (10.0, 0.0);
    let names = series.iter().map(String::as_str).chain(["| the goal"]);
    let place = |name: &str| {
        let length = 26.0 + name.len() as f64 * 6.0;
        if x + length > width && x > 10.0 {
            (x, y) = (10.0, y + LINE);
        }
        x += length;
        (x - length, y)
    };
    names.map(place).collect()
}

/// Which colour is whose.
fn legend(out: &mut String, series: &[String], places: &[(f64, f64)]) -> fmt::Result {
    for (i, (name, (x, y))) in series.iter().zip(places).enumerate() {
        writeln!(out, r#"<rect x="{x}" y="{}" width="9" height="9" fill="{}"/>"#, y + 26.0, colour(i))?;
        writeln!(out, r#"<text x="{}" y="{}">{name}</text>"#, x + 13.0, y + 35.0)?;
    }
    let Some((x, y)) = places.last() else { return Ok(()) };
    writeln!(out, r#"<text x="{x}" y="{}">| the goal</text>"#, y + 35.0)
}

/// A line at each power of two; that of Go is dark.
fn grid(out: &mut String, scale: Scale, top: f64, height: f64) -> fmt::Result {
    for power in scale.from..=scale.to {
        let (x, stroke) = (scale.x(f64::from(power).exp2()), if power == 0 { "black" } else { "#ccc" });
        let (above, bottom) = (top - 6.0, height - 8.0);
        writeln!(out, r#"<line x1="{x:.1}" y1="{above}" x2="{x:.1}" y2="{bottom}" stroke="{stroke}"/>"#)?;
        let times = f64::from(power.abs()).exp2();
        let name = if power < 0 { format!("1/{times}") } else { format!("{times}x") };
        writeln!(out, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{name}</text>"#, top - 10.0)?;
    }
    Ok(())
}

/// A bar from Go's line to its ratio, with the goal and the figure.
fn draw_bar(out: &mut String, bar: &Bar, scale: Scale, y: f64) -> fmt::Result {
    let (go, end) = (scale.x(1.0), scale.x(bar.ratio));
    let (x, width) = (go.min(end), (end - go).abs());
    let (height, fill) = (BAR - 1.0, colour(bar.series));
    writeln!(out, r#"<rect x="{x:.1}" y="{y}" width="{width:.1}" height="{height}" fill="{fill}"/>"#)?;
    if let Some(goal) = bar.goal {
        let (x, bottom) = (scale.x(goal), y + height);
        writeln!(
            out,
            r#"<line x1="{x:.1}" y1="{y}" x2="{x:.1}" y2="{bottom}" stroke="black" stroke-width="2"/>"#
        )?;
    }
    let (x, y) = (go.max(end) + 4.0, y + height);
    writeln!(out, r#"<text x="{x:.1}" y="{y}" font-size="9">{}</text>"#, times(bar.ratio))
}

/// The colours of the series, which come again when there are too many.
fn colour(series: usize) -> &'static str {
    const COLOURS: [&str; 16] = [
        "#3b6fb6", "#8db4e2", "#2e8b57", "#98d4b0", "#c0504d", "#e8a29f", "#7d60a0", "#c3b1d8", "#b8860b",
        "#e6cc80", "#008b8b", "#7fd1d1", "#8b4513", "#d2a679", "#555555", "#b0b0b0",
    ];
    COLOURS[series % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Options;
    use crate::results::Measured;

    fn drawn(measurements: &[(Side, f64)]) -> String {
        let mut results = Results::new(&Options::default(), None);
        let measurements = measurements
            .iter()
            .filter_map(|&(side, best)| Measurement::new("gosched_1", Unit::Ns, 1, side, vec![best]));
        results.add(Measured { measurements: measurements.collect(), failures: Vec::new() });
        picture(&results)
    }

    #[test]
    fn a_bar_for_each_side_but_go() {
        let picture = drawn(&[(Side::Go, 80.0), (Side::Auto, 10.0), (Side::May, 160.0)]);
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        for text in [">gosched_1<", ">8.00x<", ">0.50x<", ">goconc auto, P=1<", ">may, P=1<"] {
            assert_eq!(picture.matches(text).count(), 1, "{text} in {picture}");
        }
        // The bar of `auto` starts where that of `may` ends: at Go's line.
        assert!(picture.contains(r#"<rect x="350.0" y="66" width="480.0""#), "{picture}");
        assert!(picture.contains(r#"<rect x="190.0" y="75" width="160.0""#), "{picture}");
        assert_eq!(picture.matches("stroke-width").count(), 1, "only goconc has a goal: {picture}");
    }

    #[test]
    fn a_long_legend_has_several_lines() {
        let series: Vec<String> = (0..14).map(|i| format!("a side with a name, P={i}")).collect();
        let places = places(&series, 890.0);
        assert_eq!(places.len(), series.len() + 1);
        assert!(
            places.iter().zip(&series).all(|((x, _), name)| x + name.len() as f64 * 6.0 < 890.0),
            "{places:?}"
        );
        assert!(places.last().is_some_and(|&(_, y)| y >= 2.0 * LINE), "{places:?}");
        assert_eq!(super::places(&series[..1], 890.0).last().map(|&(_, y)| y), Some(0.0));
    }

    #[test]
    fn nothing_to_draw() {
        assert!(drawn(&[(Side::Auto, 10.0)]).contains("Nothing was measured"));
    }

    #[test]
    fn the_scale_leaves_nothing_out() {
        let scale = Scale::of([0.2, 31.0, 0.0, f64::INFINITY].into_iter());
        assert_eq!((scale.from, scale.to), (-3, 5));
        assert_eq!((scale.x(0.125), scale.x(32.0), scale.x(1e9)), (LEFT, LEFT + WIDTH, LEFT + WIDTH));
        let scale = Scale::of([1.1].into_iter());
        assert_eq!((scale.from, scale.to), (-1, 1));
    }
}
