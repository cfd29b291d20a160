//! What is refused, and with which words: environment, limits of the machine. (Channels: chan.rs. Stacks: stack_overflow.rs.)

mod common;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};

use common::{PLAIN, SCENE, command, finish, run};

const STRESS: &str = env!("CARGO_BIN_EXE_stress");

/// Garbage in our variables: status 2 before `main`, naming the variable, its value and what is allowed.
#[test]
fn environment() {
    let bad = [
        (
            "GOMAXPROCS",
            &["0", "-1", "1025", "many", "4x", "1e3", "0x4", "99999999999999999999", " "][..],
            "1 to 1024",
        ),
        ("GOTRACEBACK", &["loud", "3", "-1", "ALL", "all "][..], "none, single, all, system or crash"),
        (
            "GOCONC_DEBUG",
            &["sticky", "sticky=yes", "=1", "unknown=1", "schedtrace=-5", "sticky=1,x"][..],
            "schedtrace",
        ),
    ];
    for (variable, values, allowed) in bad {
        for value in values {
            let output =
                run(SCENE, &["procs"], &[(variable, value)]).crashed(&["goconc: ", variable, allowed]);
            let named = output.stderr.contains(value.split(',').next_back().unwrap());
            assert!(named && output.stdout.is_empty(), "{value:?}: {output:#?}");
        }
        run(PLAIN, &["recv"], &[(variable, values[0])]).crashed(&[variable, allowed]);
    }
}

#[test]
fn environment_that_is_no_text() {
    for variable in ["GOMAXPROCS", "GOTRACEBACK", "GOCONC_DEBUG"] {
        let mut command = command(SCENE, &["procs"], &[]);
        command.env(variable, std::ffi::OsStr::from_bytes(b"\xff\xfe"));
        finish(command).crashed(&[variable]);
    }
}

/// Empty is as good as unset, and lists may have holes.
#[test]
fn environment_that_is_allowed() {
    for (variable, value) in [
        ("GOMAXPROCS", ""),
        ("GOMAXPROCS", "1024"),
        ("GOTRACEBACK", ""),
        ("GOCONC_DEBUG", ""),
        ("GOCONC_DEBUG", ",sticky=1,,mprotect=1,nomembarrier=1,stalls=1,"),
    ] {
        run(SCENE, &["procs"], &[(variable, value)]).ok();
    }
    // A number that is allowed but absurd.
    run(SCENE, &["sleepers_64"], &[("GOCONC_DEBUG", "schedtrace=18446744073709551615")])
        .ok()
        .never("panicked");
    let output = run(SCENE, &["sleepers_64"], &[("GOCONC_DEBUG", "schedtrace=10")]).ok();
    assert!(output.stderr.contains("SCHED ") && output.stderr.contains("gomaxprocs="), "{output:#?}");
    let output = run(STRESS, &["syscalls"], &[("GOCONC_DEBUG", "migration=1")]).ok();
    assert!(output.stderr.is_empty() || output.stderr.contains("goconc: migration: "), "{output:#?}");
}

/// Other ways of the machine: guard pages by mprotect, no membarrier.
#[test]
fn other_kernels() {
    for debug in ["mprotect=1", "nomembarrier=1", "nomembarrier=1,sticky=1"] {
        for name in ["everything", "idle_and_wake"] {
            run(STRESS, &[name], &[("GOCONC_DEBUG", debug)]).ok();
        }
    }
}

/// A shell that sets a limit and becomes the program.
fn limited(limit: &str, args: &[&str]) -> std::process::Command {
    let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    let all: Vec<_> = ["-c", &script, SCENE].into_iter().chain(args.iter().copied()).collect();
    command("sh", &all, &[])
}

/// Without memory for the arena there is less of it, or a clear word; never a crash without one.
#[test]
fn little_address_space() {
    for kib in [100_000, 1_000_000, 4_000_000, 20_000_000] {
        let output = finish(limited(&format!("-v {kib}"), &["sleepers_64"]));
        println!("ulimit -v {kib}: {:?} {}", output.status, output.stderr);
        if !output.status.success() {
            let says = |text| output.stderr.contains(text);
            // Where it is std or the C library that gets no memory, they have the last word, and abort.
            let aborted = output.status.signal() == Some(libc::SIGABRT);
            let theirs = aborted && (says("memory allocation of") || says("out of memory"));
            let ours = output.code() == Some(2) && says("fatal error: ");
            assert!(ours || theirs, "{output:#?}");
        }
    }
}

/// More stacks than fit.
#[test]
fn out_of_address_space() {
    let output = finish(limited("-v 3000000", &["memory_until_refused"]));
    println!("{}", output.stderr);
    assert!(!output.status.success(), "{output:#?}");
    assert!(
        output.stderr.contains("fatal error: ") || output.stderr.contains("memory allocation of"),
        "{output:#?}"
    );
}

/// More threads than the user may have. Root may have any number, so the program, a copy that it can reach, runs as somebody
/// else then.
#[test]
fn out_of_threads() {
    // SAFETY: getuid takes nothing.
    let root = unsafe { libc::getuid() } == 0;
    let copy = std::env::temp_dir().join(format!("goconc-out-of-threads-{}", std::process::id()));
    std::fs::copy(SCENE, &copy).unwrap();
    let mut command = command(copy.to_str().unwrap(), &["threads_until_refused"], &[]);
    if root {
        command.uid(54_321).current_dir("/");
    }
    let few = || {
        let limit = libc::rlimit { rlim_cur: 20, rlim_max: 20 };
        // SAFETY: the limit is alive during the call.
        match unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: setrlimit is async-signal-safe.
    unsafe { command.pre_exec(few) };
    let output = finish(command);
    _ = std::fs::remove_file(copy);
    if output.status.success() || output.stderr.contains("ermission denied") {
        return eprintln!("skipped: the limit does not bind here: {output:#?}");
    }
    output.crashed(&["runtime: failed to create new OS thread", "ulimit -u", "fatal error: newosproc"]);
}
