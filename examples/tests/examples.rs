//! Runs every program and compares what it prints with `expected/NAME.txt`: by default, on one P, and with
//! goroutines that stay on their thread. (`md5all` has its own tests, in `md5all.rs`.)

mod common;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use common::Output;

/// Under each of these a program has to do the same.
const ENVIRONMENTS: [&[(&str, &str)]; 3] = [&[], &[("GOMAXPROCS", "1")], &[("GOCONC_DEBUG", "sticky=1")]];

fn for_each_environment(program: &str, args: &[&str], check: impl Fn(&Output)) {
    for environment in ENVIRONMENTS {
        eprintln!("{args:?} {environment:?}"); // shown when the check fails
        check(&common::run(Command::new(program).args(args).envs(environment.iter().copied())));
    }
}

/// The lines come in the order of the file.
fn in_order(output: &Output, expected: &str) {
    output.assert_success();
    assert_eq!(output.stdout(), expected);
}

/// The lines are those of the file, in any order.
fn any_order(output: &Output, expected: &str) {
    output.assert_success();
    assert_eq!(sorted(&output.stdout()), sorted(expected));
}

/// Go's deadlock report: the main goroutine first, with what it waits for and where; exit status 2.
fn deadlock(output: &Output, expected: &str, waiting: &str, file: &str) {
    let report = format!("fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [{waiting}]:\n");
    assert!(output.stderr.starts_with(&report), "{}", output.stderr);
    assert!(output.stderr.contains(file), "the report names no line of {file}:\n{}", output.stderr);
    assert_eq!(output.stdout(), expected);
    assert_eq!(output.status.code(), Some(2));
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

macro_rules! programs {
    ($($name:ident $args:tt $check:expr;)+) => {
        $(
            #[test]
            fn $name() {
                let expected = include_str!(concat!("../expected/", stringify!($name), ".txt"));
                let check: fn(&Output, &str) = $check;
                for_each_environment(
                    env!(concat!("CARGO_BIN_EXE_", stringify!($name))),
                    &$args,
                    |output| check(output, expected),
                );
            }
        )+
    };
}

programs! {
    buffered [] in_order;
    chan_mutex [] in_order;
    channel_of_channels [] in_order;
    close_and_range [] in_order;
    comma_ok [] in_order;
    counter [] in_order;
    daisy_chain ["10000"] in_order;
    deadlock_1 [] |output, expected| deadlock(output, expected, "chan send", "deadlock_1.rs");
    deadlock_2 [] |output, expected| deadlock(output, expected, "chan send", "deadlock_2.rs");
    deadlock_3 [] |output, expected| deadlock(output, expected, "chan receive", "deadlock_3.rs");
    error_channel [] in_order;
    fan_in [] in_order;
    fan_out [] in_order;
    fibonacci [] in_order;
    future [] in_order;
    goroutine_local [] in_order;
    hello [] in_order;
    leak [] in_order;
    loop_variable [] any_order;
    map_reduce [] in_order;
    merge_sort [] in_order;
    ordered_printing [] in_order;
    panic_in_goroutine [] |output, expected| {
        assert!(output.stderr.starts_with("panic: panic in goroutine\n\ngoroutine "), "{}", output.stderr);
        assert!(output.stderr.contains(" [running]:\n"), "{}", output.stderr);
        assert!(output.stderr.contains("created by "), "{}", output.stderr);
        assert_eq!(output.stdout(), expected);
        assert_eq!(output.status.code(), Some(2));
    };
    panic_join [] |output, expected| {
        assert_eq!(output.stdout(), expected);
        assert!(output.status.success());
    };
    parallel_sum [] in_order;
    ping_pong [] in_order;
    pipeline [] in_order;
    producer_consumer [] in_order;
    request_response [] in_order;
    runtime_info [] |output, expected| {
        // The numbers are the machine's: compare the lines without them.
        let without_numbers = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        output.assert_success();
        assert_eq!(without_numbers(&output.stdout()), without_numbers(expected));
        assert!(output.stdout().contains("NumGoroutine: 1\n"), "{}", output.stdout());
        assert!(output.stdout().contains(", is 1\n"), "{}", output.stdout());
    };
    same_tree [] in_order;
    select_many [] in_order;
    semaphore [] in_order;
    sieve [] in_order;
    stop_signal [] |output, expected| {
        output.assert_success();
        let stdout = output.stdout();
        let (hello, stop): (Vec<&str>, Vec<&str>) = stdout.lines().partition(|line| *line == "hello");
        assert!(!hello.is_empty());
        assert_eq!(stop, expected.lines().filter(|line| *line != "hello").collect::<Vec<_>>());
    };
    stream [] in_order;
    task_queue [] any_order;
    ticker [] in_order;
    timeout [] in_order;
    token_ring [] in_order;
    unbuffered [] any_order;
    wait_group [] any_order;
    waitable [] in_order;
    worker_pool [] any_order;
}

#[test]
fn arguments() {
    let sieve = env!("CARGO_BIN_EXE_sieve");
    in_order(&common::run(Command::new(sieve).arg("3")), "2\n3\n5\n");
    in_order(&common::run(Command::new(sieve).arg("0")), "");
    in_order(&common::run(Command::new(env!("CARGO_BIN_EXE_token_ring")).arg("0")), "");
    for args in [&["three"][..], &["-1"], &[""], &["3", "4"]] {
        let output = common::run(Command::new(sieve).args(args));
        assert_eq!((output.status.code(), &*output.stdout()), (Some(2), ""), "{args:?}");
        assert!(output.stderr.starts_with("usage: "), "{}", output.stderr);
    }
}

/// A program without an expected output, a test or a line in README.md would be one that nobody looks at.
#[test]
fn every_program_is_tested_and_listed() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(package.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let programs = names("src/bin");
    assert_eq!(programs, names("expected"));

    let readme = fs::read_to_string(package.join("README.md")).unwrap();
    let tests = include_str!("examples.rs");
    for program in &programs {
        assert!(readme.contains(&format!("\n| `{program}` |")), "{program} is not in README.md");
        assert!(
            program == "md5all" || tests.contains(&format!("\n    {program} [")),
            "{program} has no test"
        );
    }
}
