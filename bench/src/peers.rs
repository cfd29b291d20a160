//! Builds the programs in `peers/`, which do the workloads with other libraries.
//!
//! They are a workspace of their own: their dependencies are neither fetched nor locked for whoever only builds goconc, and
//! no feature that they want reaches the libraries that goconc is built with. Each is a program of its own, because what one
//! library starts or declares must not be in the way of another, and a foreign thread-local would make goconc sticky.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::side::{Kind, Side};

/// A program that was built.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) side: Side,
    pub(crate) program: PathBuf,
    /// The names of the workloads it has: it says so itself.
    pub(crate) workloads: Vec<String>,
}

/// Builds those of `sides` that are peers, in a folder beside our own executable.
pub(crate) fn build(sides: &[Side], own: &Path) -> Result<Vec<Peer>, String> {
    let target = own.with_file_name("peers");
    let peers = sides.iter().copied().filter(|side| side.kind() == Kind::Peer);
    peers.map(|side| build_one(side, &target)).collect()
}

/// Builds one.
fn build_one(side: Side, target: &Path) -> Result<Peer, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("Cargo.toml");
    let name = format!("peer-{}", side.option());
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--release", "--locked", "--features", side.option(), "--bin", &name]);
    cargo.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target).stdin(Stdio::null());
    let output = cargo.output().map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{side} could not be built:\n{}", said.trim_end()));
    }
    let program = target.join("release").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let list = Command::new(&program).arg("-list").stdin(Stdio::null()).output();
    let list = list.map_err(|error| format!("{name} could not be started: {error}"))?;
    let workloads = String::from_utf8_lossy(&list.stdout).lines().map(str::to_owned).collect();
    Ok(Peer { side, program, workloads })
}
