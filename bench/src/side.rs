//! Who is compared, and how a child of each side is started.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::workloads::Workload;

/// One side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// The Go program.
    #[serde(rename = "go")]
    Go,
    /// goconc as it starts by default.
    #[serde(rename = "goconc auto")]
    Auto,
    /// goconc with started goroutines bound to their threads.
    #[serde(rename = "goconc sticky")]
    Sticky,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Go => "go",
            Side::Auto => "goconc auto",
            Side::Sticky => "goconc sticky",
        })
    }
}

/// The executables that children run.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The parent itself, which is also the goconc child.
    pub(crate) own: PathBuf,
    /// There once `go::build` has put it there.
    pub(crate) go: PathBuf,
}

impl Programs {
    /// This executable, and the Go program beside it.
    pub(crate) fn locate() -> Result<Self, String> {
        let own = env::current_exe().map_err(|error| format!("no path to this executable: {error}"))?;
        let go = own.with_file_name(format!("gobench{}", env::consts::EXE_SUFFIX));
        Ok(Programs { own, go })
    }

    /// The command that runs `workload` once, on this side, with this many Ps.
    pub(crate) fn child(&self, side: Side, workload: &Workload, procs: usize, repeats: usize) -> Command {
        let repeats = repeats.to_string();
        let mut command = match side {
            Side::Go => {
                let mut command = Command::new(&self.go);
                command.args([workload.name, &repeats]);
                command
            }
            Side::Auto | Side::Sticky => {
                let mut command = Command::new(&self.own);
                command.args(["--child", workload.name, "--repeats", &repeats]);
                command
            }
        };
        // What the user has set to debug or tune something else must not change what is measured.
        for variable in ["GOCONC_DEBUG", "GODEBUG", "GOGC", "GOMEMLIMIT"] {
            command.env_remove(variable);
        }
        if side == Side::Sticky {
            command.env("GOCONC_DEBUG", "sticky=1");
        }
        command.env("GOMAXPROCS", procs.to_string());
        command
    }
}
