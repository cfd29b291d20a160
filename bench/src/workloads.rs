//! The table of workloads, with the goal of each.
//!
//! What a workload does is defined by its twin in `go/workloads.go`: same channel capacities, same number of
//! goroutines, same final check. Go's `int` is `isize`, and `<-c` is `recv_or_default`.

mod chan;
mod classic;
mod parked;
mod pool;
mod select;
mod spawn;
mod timer;
mod yields;

use std::fmt;
use std::time::Duration;

use crate::recorder::Recorder;

/// What one child process does.
pub(crate) struct Workload {
    /// On the command line, and in the Go program.
    pub(crate) name: &'static str,
    /// Selects several workloads at once on the command line.
    pub(crate) group: &'static str,
    /// What it measures: one row called like the workload, or several.
    pub(crate) rows: &'static [Row],
    /// How many goroutines it starts may be said: `--scale`.
    pub(crate) sized: bool,
    /// Runs it inside the child. `None`: goconc has not yet what it needs, Go's side shows what to come up to.
    pub(crate) run: Option<fn(&Recorder)>,
}

impl Workload {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Result<&'static Workload, String> {
        let found = WORKLOADS.iter().find(|workload| workload.name == name);
        found.ok_or(format!("no workload is called {name}"))
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// One measured quantity.
#[derive(Debug)]
pub(crate) struct Row {
    /// In the table and in files.
    pub(crate) name: &'static str,
    /// Ours, from the table of goals.
    goal: Goal,
}

impl Row {
    /// The goal for this many Ps; the one for two stands for all above it.
    pub(crate) fn goal(&self, procs: usize) -> Target {
        match self.goal {
            Goal::Ratio { p1, .. } if procs == 1 => Target::Ratio(p1),
            Goal::Ratio { p2, .. } => Target::Ratio(p2),
            Goal::Bytes(most) => Target::Bytes(most),
            Goal::None => Target::None,
        }
    }
}

/// What a row is to reach.
#[derive(Debug, Clone, Copy)]
enum Goal {
    /// Go's time divided by ours, with one P and with two.
    Ratio { p1: f64, p2: f64 },
    /// This much memory, whatever Go needs.
    Bytes(f64),
    /// Only to be seen.
    None,
}

/// A goal for one number of Ps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// Go's time divided by ours, at least.
    Ratio(f64),
    /// This many bytes at most.
    Bytes(f64),
    None,
}

/// A workload with one row of its own name; it is `sized`, or `not yet` there.
macro_rules! workload {
    ($group:ident $name:ident: $p1:literal / $p2:literal, not yet) => {
        workload!($group $name: $p1 / $p2, false, None)
    };
    ($group:ident $name:ident: $p1:literal / $p2:literal, sized $run:expr) => {
        workload!($group $name: $p1 / $p2, true, Some($run))
    };
    ($group:ident $name:ident: $p1:literal / $p2:literal, $run:expr) => {
        workload!($group $name: $p1 / $p2, false, Some($run))
    };
    ($group:ident $name:ident: $p1:literal / $p2:literal, $sized:literal, $run:expr) => {
        Workload {
            name: stringify!($name),
            group: stringify!($group),
            rows: &[Row { name: stringify!($name), goal: Goal::Ratio { p1: $p1, p2: $p2 } }],
            sized: $sized,
            run: $run,
        }
    };
}

/// All workloads, in the order in which they are measured.
pub(crate) static WORKLOADS: &[Workload] = &[
    workload!(spawn spawn_join_1M: 15.0 / 10.0, sized spawn::join),
    workload!(spawn spawn_one_wait: 8.0 / 5.0, spawn::one_wait),
    workload!(yield gosched_1: 8.0 / 10.0, yields::one),
    workload!(yield gosched_100x: 8.0 / 30.0, yields::hundred),
    workload!(chan pingpong_unbuf: 4.5 / 4.0, chan::pingpong),
    workload!(chan unbuf_1p1c: 4.5 / 4.0, |r| chan::one_to_one(r, 0, 1_000_000)),
    workload!(chan buf128_1p1c: 2.5 / 2.0, |r| chan::one_to_one(r, 128, 5_000_000)),
    workload!(chan buf128_4p4c: 2.5 / 3.5, |r| chan::four_to_four(r, 128, 5_000_000)),
    workload!(chan unbuf_4p4c: 4.5 / 5.0, |r| chan::four_to_four(r, 0, 1_000_000)),
    workload!(chan chan_same_g_buf1: 2.0 / 2.0, chan::same_goroutine),
    workload!(select select2_recv_unbuf: 3.5 / 3.0, select::two),
    workload!(select select_default_miss: 1.0 / 1.0, select::default_miss),
    workload!(select select8_ready: 4.0 / 3.0, select::eight_ready),
    workload!(select select_timeout_hit: 4.0 / 3.0, select::timeout_hit),
    workload!(classic ring503: 4.0 / 3.0, classic::ring),
    workload!(classic skynet_1M: 12.0 / 20.0, sized classic::skynet_1m),
    workload!(classic sieve_1500: 4.0 / 4.0, classic::sieve_1500),
    workload!(classic pfib_36: 1.8 / 2.0, classic::pfib_36),
    // With one P nothing can beat Go here: the 20 us are the job.
    workload!(pool late_workers_2x20us: 1.0 / 1.5, |r| pool::late_workers(r, 2, 10_000, Duration::from_micros(20))),
    workload!(pool late_workers_8x20us: 1.0 / 1.0, |r| pool::late_workers(r, 8, 10_000, Duration::from_micros(20))),
    workload!(pool late_workers_8x200us: 1.0 / 1.0, |r| pool::late_workers(r, 8, 1000, Duration::from_micros(200))),
    workload!(pool late_workers_64x20us: 1.0 / 1.0, |r| pool::late_workers(r, 64, 10_000, Duration::from_micros(20))),
    workload!(timer sleep_1M: 8.0 / 5.0, sized timer::sleep_million),
    // As before, where the sleep is inside a function: then each goroutine has a stack meanwhile.
    Workload {
        name: "sleep_1M_stack",
        group: "timer",
        rows: &[Row { name: "sleep_1M_stack", goal: Goal::None }],
        sized: true,
        run: Some(timer::sleep_million_on_stacks),
    },
    workload!(timer timer_new_stop: 5.0 / 5.0, timer::new_stop),
    // As `unbuf_1p1c`, while somebody sleeps: a program that serves has timers all the time.
    Workload {
        name: "unbuf_beside_timer",
        group: "timer",
        rows: &[Row { name: "unbuf_beside_timer", goal: Goal::None }],
        sized: false,
        run: Some(timer::beside_a_timer),
    },
    Workload {
        name: "parked_1M",
        group: "parked",
        rows: &[
            Row { name: "parked_1M_start", goal: Goal::Ratio { p1: 2.5, p2: 2.5 } },
            Row { name: "parked_1M_wake_exit", goal: Goal::None },
            Row { name: "parked_1M_rss", goal: Goal::Bytes(4.4 * 1024.0) },
            Row { name: "parked_1M_tables", goal: Goal::None },
        ],
        sized: true,
        run: Some(parked::million),
    },
    // As before, where the receive is inside a function: then each goroutine has a stack meanwhile.
    Workload {
        name: "parked_1M_stack",
        group: "parked",
        rows: &[
            Row { name: "parked_1M_stack_start", goal: Goal::None },
            Row { name: "parked_1M_stack_wake_exit", goal: Goal::None },
            Row { name: "parked_1M_stack_rss", goal: Goal::Bytes(4.4 * 1024.0) },
            Row { name: "parked_1M_stack_tables", goal: Goal::None },
        ],
        sized: true,
        run: Some(parked::million_on_stacks),
    },
    workload!(sync mutex_uncontended: 1.0 / 1.0, not yet),
    workload!(sync mutex_8g: 2.0 / 2.0, not yet),
    workload!(sync rwmutex_8r: 1.0 / 2.0, not yet),
    workload!(sync syncmap_load_8g: 1.0 / 1.0, not yet),
    workload!(sync pool_getput_8g: 1.0 / 1.0, not yet),
    workload!(sync cond_pingpong: 3.0 / 3.0, not yet),
    workload!(ctx ctx_cancel_tree_100k: 5.0 / 4.0, not yet),
    workload!(tcp tcp_echo_1: 1.4 / 1.4, not yet),
    workload!(tcp tcp_echo_100: 1.4 / 1.4, not yet),
    workload!(tcp tcp_echo_1000: 1.4 / 1.4, not yet),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_its_twin_in_go() {
        let source = include_str!("../go/workloads.go");
        let table = source.split_once("\n}\n").expect("the table comes first").0;
        let theirs: Vec<&str> =
            table.lines().filter_map(|line| line.trim().strip_prefix("{\"")?.split('"').next()).collect();
        let ours: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
        assert_eq!(ours, theirs);
        for row in
            WORKLOADS.iter().filter(|workload| workload.rows.len() > 1).flat_map(|workload| workload.rows)
        {
            assert!(source.contains(&format!("\"{}\"", row.name)), "{}", row.name);
        }
    }
}
