//! A goroutine that needs more stack than it has: a report and status 2, never silent corruption.

mod common;

use common::{SCENE, run, variants};

/// GO-037.
#[test]
fn is_reported() {
    for scene in ["overflow", "overflow_in_drop", "overflow_busy"] {
        variants(SCENE, &[scene], |output| {
            _ = output.crashed(&[
                "runtime: goroutine stack exceeds ",
                "-byte limit\nfatal error: stack overflow\n\ngoroutine ",
                "created by goroutine 1\n\t",
                "stack_size = ",
            ]);
        });
    }
}

#[test]
fn in_main() {
    variants(SCENE, &["overflow_main"], |output| {
        _ = output.crashed(&["fatal error: stack overflow\n\ngoroutine 1 ["])
    });
}

#[test]
fn says_the_size_that_was_asked_for() {
    run(SCENE, &["overflow_named"], &[]).crashed(&["exceeds 1048576-byte limit"]);
}

#[test]
fn with_guard_pages_by_mprotect() {
    run(SCENE, &["overflow"], &[("GOCONC_DEBUG", "mprotect=1")]).crashed(&["fatal error: stack overflow"]);
}

/// GO-034 (N: stacks do not grow): what every stack must hold, fresh, in a destructor while unwinding, by `goexit`.
#[test]
fn enough_for_every_day() {
    variants(SCENE, &["deep_enough"], |output| assert_eq!(output.ok().stdout, "100\n100\n100\n"));
}

/// GO-034: deep recursion by agreement.
#[test]
fn eight_mebibytes() {
    variants(SCENE, &["deep_8mib"], |output| assert_eq!(output.ok().stdout, "Some(20000)\n"));
}

#[test]
fn a_size_that_cannot_be() {
    run(SCENE, &["bad_stack_size"], &[]).crashed(&["stack_size", "9 MiB", "8 MiB"]);
}

// GO-035 (N): a Rust stack does not move, so a pointer into it stays right.

/// GO-036: the stacks of goroutines that ended are used again.
#[test]
fn are_reused() {
    variants(SCENE, &["stacks_are_reused"], |output| {
        let grown: usize = output.ok().stdout.trim().parse().unwrap();
        assert!(grown < 10_000, "grown by {grown} KiB");
    });
}
