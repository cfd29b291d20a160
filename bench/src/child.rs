//! The inside of a child process: runs one workload on the goconc runtime.

use goconc::runtime;

use crate::costs::Meter;
use crate::recorder::{Recorder, done};
use crate::workloads::Workload;

/// Runs `workload` as the main goroutine of this process; with `costs` it also prints what the scheduler did.
///
/// # Errors
/// When there is no such workload on this side yet.
///
/// # Panics
/// When its result is wrong.
pub(crate) fn run(workload: &'static Workload, recorder: Recorder, costs: bool) -> Result<(), String> {
    let run = workload.run.ok_or_else(|| format!("{} is not there yet", workload.name))?;
    goconc::run(move || {
        let meter = costs.then(Meter::start);
        run(&recorder);
        meter.inspect(|meter| meter.print(&recorder));
        done(workload.name, runtime::gomaxprocs(0));
    });
    Ok(())
}
