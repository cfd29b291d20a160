//! How many processors this process may use: affinity, then the cgroup's CPU quota (v2 and v1), as Go 1.25 and later.

use std::fs;
use std::path::Path;

/// Processors in the affinity mask (Go: `runtime.NumCPU`).
pub(crate) fn affinity() -> usize {
    let mut set = core::mem::MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the set has the size we say; the kernel writes at most that much.
    let r = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    if r == 0 {
        // SAFETY: zeroed is a valid cpu_set_t, and the call filled it in.
        let set = unsafe { set.assume_init() };
        // SAFETY: the set is initialised.
        let n = unsafe { libc::CPU_COUNT(&set) };
        return usize::try_from(n).unwrap_or(1).max(1);
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The default of GOMAXPROCS: affinity, limited by the quota rounded up, but never below 2 where there are 2.
pub(crate) fn default_procs() -> usize {
    limit(affinity(), quota())
}

fn limit(cpus: usize, quota: Option<f64>) -> usize {
    match quota {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 2..=cpus first"
        )]
        Some(q) if cpus > 2 => q.ceil().clamp(2.0, cpus as f64) as usize,
        _ => cpus,
    }
}

/// The smallest CPU quota among our cgroup and its parents, in processors.
fn quota() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(quota_of_line).reduce(f64::min)
}

fn quota_of_line(line: &str) -> Option<f64> {
    let mut parts = line.splitn(3, ':');
    let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let path = path.trim_start_matches('/');
    if id == "0" && controllers.is_empty() {
        climb(Path::new("/sys/fs/cgroup"), path, |dir| v2(&fs::read_to_string(dir.join("cpu.max")).ok()?))
    } else if controllers.split(',').any(|c| c == "cpu") {
        climb(Path::new("/sys/fs/cgroup/cpu"), path, |dir| {
            let quota = fs::read_to_string(dir.join("cpu.cfs_quota_us")).ok()?;
            let period = fs::read_to_string(dir.join("cpu.cfs_period_us")).ok()?;
            ratio(&quota, &period)
        })
    } else {
        None
    }
}

fn climb(root: &Path, path: &str, quota: impl Fn(&Path) -> Option<f64>) -> Option<f64> {
    let leaf = root.join(path);
    leaf.ancestors().take_while(|dir| dir.starts_with(root)).filter_map(quota).reduce(f64::min)
}

fn v2(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    ratio(quota, period)
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::{limit, ratio, v2};

    #[test]
    fn quota_texts() {
        assert_eq!(v2("max 100000\n"), None);
        assert_eq!(v2("150000 100000\n"), Some(1.5));
        assert_eq!(ratio("-1\n", "100000\n"), None);
    }

    /// GO-029, GO-030: the default follows affinity and quota.
    #[test]
    fn quota_limits_but_not_below_two() {
        assert_eq!(limit(8, None), 8);
        assert_eq!(limit(8, Some(2.3)), 3);
        assert_eq!(limit(8, Some(0.5)), 2);
        assert_eq!(limit(2, Some(0.5)), 2);
        assert_eq!(limit(1, Some(0.5)), 1);
        assert_eq!(limit(4, Some(16.0)), 4);
    }
}
