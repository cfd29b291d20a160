//! Who is compared, and how a child of each side is started.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::peers::Peer;
use crate::run::Case;

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
    #[serde(rename = "tokio")]
    Tokio,
    /// Its channels between tasks of tokio.
    #[serde(rename = "kanal")]
    Kanal,
    /// Its channels between tasks of tokio.
    #[serde(rename = "async-channel")]
    AsyncChannel,
    /// crossbeam-channel between threads.
    #[serde(rename = "crossbeam")]
    Crossbeam,
    #[serde(rename = "may")]
    May,
}

/// What kind of program stands for a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Go,
    /// This one.
    Goconc,
    /// A binary of `peers/`.
    Peer,
}

impl Side {
    /// What kind of program stands for it.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Side::Go => Kind::Go,
            Side::Auto | Side::Sticky => Kind::Goconc,
            Side::Tokio | Side::Kanal | Side::AsyncChannel | Side::Crossbeam | Side::May => Kind::Peer,
        }
    }

    /// On the command line. For a peer also its feature, and the name of its binary after `peer-`.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Side::Go => "go",
            Side::Auto => "auto",
            Side::Sticky => "sticky",
            Side::Tokio => "tokio",
            Side::Kanal => "kanal",
            Side::AsyncChannel => "async-channel",
            Side::Crossbeam => "crossbeam",
            Side::May => "may",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Auto => "goconc auto",
            Side::Sticky => "goconc sticky",
            other => other.option(),
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
    /// Those that `peers::build` has built.
    pub(crate) peers: Vec<Peer>,
}

impl Programs {
    /// This executable, and the Go program beside it. No peers yet.
    pub(crate) fn locate() -> Result<Self, String> {
        let own = env::current_exe().map_err(|error| format!("no path to this executable: {error}"))?;
        let go = own.with_file_name(format!("gobench{}", env::consts::EXE_SUFFIX));
        Ok(Programs { own, go, peers: Vec::new() })
    }

    /// Whether this side has the workload.
    pub(crate) fn can(&self, side: Side, case: &Case) -> bool {
        match side.kind() {
            Kind::Go => true,
            Kind::Goconc => case.workload.run.is_some(),
            Kind::Peer => self.peer(side).workloads.iter().any(|name| name == case.workload.name),
        }
    }

    /// The command that runs `case` once on this side.
    pub(crate) fn child(&self, side: Side, case: &Case, repeats: usize) -> Command {
        let mut command = match side.kind() {
            Kind::Go => Command::new(&self.go),
            Kind::Goconc => Command::new(&self.own),
            Kind::Peer => Command::new(&self.peer(side).program),
        };
        let (name, repeats) = (case.workload.name, repeats.to_string());
        let size = case.size.map(|size| size.to_string());
        if side.kind() == Kind::Goconc {
            command.args(["--child", name, "--repeats", &repeats]);
            command.args(size.iter().flat_map(|size| ["--size", size]));
            command.args(case.costs.then_some("--costs"));
        } else {
            command.args([name, &repeats]).args(size);
        }
        environment(&mut command, case.procs, side == Side::Sticky);
        command
    }

    /// The program of a peer.
    fn peer(&self, side: Side) -> &Peer {
        let built = self.peers.iter().find(|peer| peer.side == side);
        built.expect("all peers that are measured were built")
    }
}

/// What the user has set to debug or tune something else must not change what is measured.
pub(crate) fn environment(command: &mut Command, procs: usize, sticky: bool) {
    for variable in ["GOCONC_DEBUG", "GODEBUG", "GOGC", "GOMEMLIMIT"] {
        command.env_remove(variable);
    }
    if sticky {
        command.env("GOCONC_DEBUG", "sticky=1");
    }
    command.env("GOMAXPROCS", procs.to_string());
}
