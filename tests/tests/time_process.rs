//! Timers in programs of their own: deadlocks, panics, dumps, one processor, memory. In each of the common variants.

mod common;

use common::{Output, SCENE, run, variants};

const TIMERS: &str = env!("CARGO_BIN_EXE_timers");
const ASLEEP: &str = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine ";

fn scene(name: &str, check: impl FnMut(Output)) {
    variants(TIMERS, &[name], check);
}

/// DL-007: a function to be called, and a timer that somebody waits for, suppress the report until they have fired.
#[test]
fn armed_ones_suppress_the_deadlock() {
    scene("func_wakes", |output| _ = output.ok().never("deadlock"));
    scene("timer_wakes", |output| _ = output.ok().never("deadlock"));
    scene("func_then_deadlock", |output| _ = output.crashed(&["called\n", ASLEEP]));
}

/// DL-008, TM-033, TM-040: timers that nobody waits for, any more or yet, do not.
#[test]
fn others_do_not() {
    scene("many_timers_then_deadlock", |output| _ = output.crashed(&[ASLEEP]));
    scene("left_timer_then_deadlock", |output| _ = output.crashed(&["the other case\n", ASLEEP]));
    scene("stopped_timer_then_deadlock", |output| _ = output.crashed(&[ASLEEP, "[chan receive]:"]));
}

/// PN-041
#[test]
fn a_panic_in_a_function_ends_the_process() {
    scene("panic_in_func", |output| {
        let output =
            output.crashed(&["panic: boom in after_func\n\ngoroutine ", " [running]:", "timers.rs:"]);
        assert_eq!(output.stderr.matches("panic:").count(), 1, "{output:#?}");
    });
}

#[test]
fn goexit_in_a_function_ends_one_call() {
    scene("goexit_in_func", |output| assert_eq!(output.ok().stdout, "called\ncalled\n"));
}

/// TM-004: no timer starves, on one processor and on more.
#[test]
fn starving() {
    scene("starving", |output| _ = output.ok());
}

/// TM-028: what is dropped is free without a stop. Not freed, it would be some 50 MB in a debug build.
#[test]
fn freed() {
    scene("freed", |output| {
        let kib: usize = output.ok().stdout.trim().parse().unwrap();
        assert!(kib < 16 << 10, "{kib} KiB");
    });
}

/// TM-010
#[test]
fn gomaxprocs_changes() {
    for procs in ["1", "2", "5"] {
        for debug in ["sticky=0", "sticky=1"] {
            run(TIMERS, &["gomaxprocs_changes"], &[("GOMAXPROCS", procs), ("GOCONC_DEBUG", debug)]).ok();
        }
    }
}

/// GO-042: what those do who wait for the time.
#[test]
fn dumps() {
    scene("dump", |output| {
        let dump = output.ok().stdout;
        for text in [
            "goroutine 1 [chan receive]:\n\t",
            " \"timer\" [chan receive]:\n\t",
            " \"ticker\" [chan receive]:\n\t",
            " \"select\" [select]:\n\t",
            " \"sleeper\" [sleep]:\n\t",
            " [running]:\n",
        ] {
            assert!(dump.contains(text), "no {text:?} in {dump}");
        }
        assert!(dump.contains("timers.rs:") && !dump.contains("goconc/src"), "{dump}");
    });
}

/// TM-001, en masse.
#[test]
fn very_many_sleep() {
    scene("mass", |output| _ = output.ok());
}

/// Those that have napped and wait for an M that stays in user code run elsewhere, under sticky, too.
#[test]
fn naps_do_not_wait_for_a_busy_one() {
    variants(SCENE, &["naps_beside_a_busy_one"], |output| assert_eq!(output.ok().stdout, "all awake\n"));
}
