//! The command line. Arguments stay `OsString`s: a directory name need not be UTF-8.

use std::{ffi::OsString, path::PathBuf};

use goconc::runtime;

pub(crate) const HELP: &str = "\
Usage: md5all [-j N] DIR

Print the MD5 sum of every regular file under DIR, as md5sum does, sorted by path.
Symbolic links below DIR are not followed. The first error ends the run: nothing is
printed on standard output then.

  -j, --jobs N   digest N files at a time (1 to 512; default: twice the number of CPUs)
  -h, --help     print this help
      --         what follows is DIR, even if it begins with a dash

Exit status: 0 if all went well, 1 if something could not be read, 2 for a wrong command line.
";

/// A big file in flight costs a thread, a file descriptor and a buffer; more of them than this only compete for the disk.
const MAX_JOBS: usize = 512;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Sum { dir: PathBuf, jobs: usize },
}

pub(crate) fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut jobs = (runtime::num_cpu() * 2).clamp(1, MAX_JOBS);
    let mut dirs: Vec<OsString> = Vec::new();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("-h" | "--help") => return Ok(Command::Help),
            Some("-j" | "--jobs") => jobs = parse_jobs(args.next().as_ref().and_then(|n| n.to_str()))?,
            Some("--") => dirs.extend(args.by_ref()),
            Some(text) if let Some(n) = text.strip_prefix("--jobs=") => jobs = parse_jobs(Some(n))?,
            Some(text) if let Some(n) = text.strip_prefix("-j") => jobs = parse_jobs(Some(n))?,
            _ if arg.as_encoded_bytes().starts_with(b"-") => return Err(format!("unknown option {arg:?}")),
            _ => dirs.push(arg),
        }
    }
    match <[OsString; 1]>::try_from(dirs) {
        Ok([dir]) if !dir.is_empty() => Ok(Command::Sum { dir: dir.into(), jobs }),
        Ok(_) => Err("DIR is empty".into()),
        Err(dirs) if dirs.is_empty() => Err("DIR is missing".into()),
        Err(_) => Err("more than one DIR".into()),
    }
}

fn parse_jobs(n: Option<&str>) -> Result<usize, String> {
    n.and_then(|n| n.parse().ok())
        .filter(|n| (1..=MAX_JOBS).contains(n))
        .ok_or_else(|| format!("-j takes a number from 1 to {MAX_JOBS}"))
}
