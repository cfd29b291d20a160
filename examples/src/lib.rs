//! Runnable programs: `cargo run --release -p goconc-examples --bin NAME`.
//!
//! Each is the twin of a known Go program and lives in `src/bin`; `README.md` lists them. Here is only what several
//! of them need.

use std::{env, process, str::FromStr};

/// The first argument of the program as a number, or `default` when there is none.
///
/// Anything else ends the process with a usage line and exit status 2: these are small programs, and a wrong
/// argument is not part of what they show.
pub fn number_arg<T: FromStr>(what: &str, default: T) -> T {
    let mut args = env::args_os();
    let program = args.next().unwrap_or_default();
    match (args.next(), args.next()) {
        (None, _) => default,
        (Some(arg), None) if let Some(number) = arg.to_str().and_then(|arg| arg.parse().ok()) => number,
        _ => {
            eprintln!("usage: {} [{what}]", program.display());
            process::exit(2)
        }
    }
}
