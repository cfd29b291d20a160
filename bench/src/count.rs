//! Counts the instructions of the hot paths: the same on a busy machine as on a quiet one.
//!
//! `--count` runs each path of `paths` in children with GOMAXPROCS=1, one instruction at a time, and compares with
//! `counts.json`. A count says nothing of caches and mispredictions: a change that it shows is real, a change that it does
//! not show may still be one.
//!
//! A path is counted for some operations and for twice as many; what the second takes more, divided by their number, is the
//! cost of one. So whatever is paid once cancels out. Both are counted several times, of which the least counts: what the runtime
//! does now and then depends on the time and on chance.

mod paths;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trace;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "count/no_trace.rs"]
mod trace;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path as FilePath;
use std::process::Command;

use serde::{Deserialize, Serialize};

pub(crate) use paths::{Path, child};

use crate::side::{Side, environment};
use crate::style::{Colour, Style};

/// A change that is worth a look.
const NOTABLE: f64 = 0.03;
/// A change for the worse that fails.
const FAILS: f64 = 0.15;

/// The recorded counts.
#[derive(Debug, Serialize, Deserialize)]
struct Counts {
    /// The compiler: another one makes other instructions.
    rustc: String,
    /// Instructions per operation, by path, under auto and under sticky.
    paths: BTreeMap<String, Both>,
}

/// Under the two policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Both {
    auto: f64,
    sticky: f64,
}

impl Both {
    /// The one under `policy`.
    fn of(&mut self, policy: Side) -> &mut f64 {
        if policy == Side::Sticky { &mut self.sticky } else { &mut self.auto }
    }
}

/// Counts all paths under these policies and compares them with the record, or makes it. False when one has become much
/// longer.
pub(crate) fn all(policies: &[Side], bless: bool) -> Result<bool, String> {
    if cfg!(debug_assertions) {
        return Err("--count is for release builds".into());
    }
    let file = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("counts.json");
    let recorded = if file.exists() { Some(load(&file)?) } else { None };
    let rustc = rustc();
    if let Some(counts) = recorded.as_ref().filter(|counts| counts.rustc != rustc) {
        println!("recorded with {}, this is {rustc}: expect differences\n", counts.rustc);
    }
    println!("{:<22}{:<8}{:>10}{:>10}{:>9}", "instructions per op", "policy", "recorded", "now", "change");
    let mut now = Counts { rustc, paths: BTreeMap::new() };
    let mut passed = true;
    for path in paths::PATHS {
        let mut before = recorded.as_ref().and_then(|counts| counts.paths.get(path.name).copied());
        let mut counted = Both::default();
        let mut name = path.name;
        for &policy in policies {
            let before = before.as_mut().map(|before| *before.of(policy));
            let count = count(path, policy == Side::Sticky)?;
            passed &= line(name, policy.option(), before, count);
            *counted.of(policy) = count;
            name = "";
        }
        now.paths.insert(path.name.to_owned(), counted);
    }
    if bless {
        let text = serde_json::to_string_pretty(&now).map_err(|error| error.to_string())?;
        fs::write(&file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
        return Ok(true);
    }
    Ok(passed)
}

/// Reads the record.
fn load(file: &FilePath) -> Result<Counts, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// What the compiler says it is, as far as a count depends on it: `rustc 1.95.0`.
fn rustc() -> String {
    let output = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    if words.is_empty() { "an unknown rustc".into() } else { words.join(" ") }
}

/// Instructions per operation, with one digit behind the point.
fn count(path: &Path, sticky: bool) -> Result<f64, String> {
    let own = env::current_exe().map_err(|error| format!("no path to this executable: {error}"))?;
    let mut command = Command::new(own);
    command.args(["--count-child", path.name]);
    environment(&mut command, 1, sticky);
    let counts =
        trace::stretches(command, 2 * paths::ROUNDS).map_err(|error| format!("{}: {error}", path.name))?;
    let least = |nth: usize| counts.iter().skip(nth).step_by(2).min().copied().unwrap_or_default();
    let per_operation = least(1).saturating_sub(least(0)) as f64 / paths::N as f64;
    Ok((per_operation * 10.0).round() / 10.0)
}

/// Prints one comparison. False when it fails.
fn line(path: &str, policy: &str, before: Option<f64>, now: f64) -> bool {
    let style = Style::of_terminal();
    let Some(before) = before else {
        println!("{path:<22}{policy:<8}{:>10}{now:>10.1}      new", "-");
        return true;
    };
    let change = now / before - 1.0;
    let (colour, verdict) = verdict(change);
    let shown = style.paint(colour, &format!("{:>+8.1}%  {verdict}", change * 100.0));
    println!("{path:<22}{policy:<8}{before:>10.1}{now:>10.1}{}", shown.trim_end());
    verdict != "FAILS"
}

/// What a change means.
fn verdict(change: f64) -> (Colour, &'static str) {
    match change {
        _ if change > FAILS => (Colour::Red, "FAILS"),
        _ if change > NOTABLE => (Colour::Yellow, "more"),
        _ if change < -NOTABLE => (Colour::Green, "less: --bless records it"),
        _ => (Colour::None, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_complete_and_comes_back_as_it_was_written() {
        let text = include_str!("../counts.json");
        let counts: Counts = serde_json::from_str(text).expect("it can be read");
        let recorded: Vec<&str> = counts.paths.keys().map(String::as_str).collect();
        let mut there: Vec<&str> = paths::PATHS.iter().map(|path| path.name).collect();
        there.sort_unstable();
        assert_eq!(recorded, there);
        assert_eq!(serde_json::to_string_pretty(&counts).expect("it can be written") + "\n", text);
    }

    #[test]
    fn only_much_more_fails() {
        assert_eq!(verdict(0.16).1, "FAILS");
        assert_eq!(verdict(0.04).1, "more");
        assert_eq!(verdict(0.02).1, "");
        assert_eq!(verdict(-0.5).1, "less: --bless records it");
    }
}
