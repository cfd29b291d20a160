//! The storms of `goconc_tests::stress`, each for a moment: in the test's own process, where goroutines stay on their
//! threads, and all together in programs whose goroutines move or not, on one P or more.

mod common;

use goconc_tests::stress;

macro_rules! storms {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                let (name, storm) = stress::STORMS.iter().find(|(name, _)| *name == stringify!($name)).unwrap();
                stress::run(name, *storm);
            }
        )*
    };
}

storms! {
    capacities mixed_threads plain_ping_pong close_races try_races boxes spawn_goroutines spawn_threads spawn_tree gosched
    gomaxprocs blocking syscalls lock_os_thread ended_locked sleep scope join wait_group pin panics goexits dumps
    idle_and_wake timers after_funcs tickers timeouts sleepers naps timers_while_gomaxprocs_changes
    select_merge select_random select_both_directions select_timeouts select_waitables select_closing everything
}

#[test]
fn no_storm_is_forgotten() {
    assert_eq!(stress::STORMS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), NAMES);
}

const STRESS: &str = env!("CARGO_BIN_EXE_stress");

#[test]
fn moving_and_sticky_on_one_p_and_more() {
    for procs in ["1", "2", "4"] {
        for debug in ["sticky=0", "sticky=1"] {
            for name in ["everything", "idle_and_wake", "gomaxprocs", "timers_while_gomaxprocs_changes"] {
                common::run(STRESS, &[name], &[("GOMAXPROCS", procs), ("GOCONC_DEBUG", debug)]).ok();
            }
        }
    }
}

/// With everything on one CPU, whoever spins keeps the one it waits for from running.
#[test]
fn on_one_cpu() {
    for debug in ["sticky=0", "sticky=1"] {
        let mut command = common::command("taskset", &["-c", "0", STRESS, "all"], &[("GOMAXPROCS", "4")]);
        command.env("GOCONC_DEBUG", debug);
        match command.spawn() {
            Ok(child) => _ = common::wait(child, std::time::Instant::now()).ok(),
            Err(error) => return eprintln!("skipped: taskset: {error}"),
        }
    }
}
