//! `runtime::lock_os_thread`.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{SCENE, guarded, ms, run, variants};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// GO-006: a goroutine may end while it is locked, after many yields.
#[test]
fn ends_locked() {
    for _ in 0..10 {
        let handle = goconc::spawn(|| {
            runtime::lock_os_thread();
            let thread = thread::current().id();
            for _ in 0..10 {
                runtime::gosched();
                time::sleep(ms(1));
                assert_eq!(thread::current().id(), thread);
            }
        });
        guarded("ends_locked", || handle.join()).unwrap();
    }
    assert_eq!(goconc::run(|| 1), 1);
}

/// GO-009: ping-pong of a locked and a free one.
#[test]
fn ping_pong() {
    let (ping, pong) = (Chan::new(), Chan::new());
    let wg = Arc::new(WaitGroup::new());
    let (input, output) = (ping.clone(), pong.clone());
    wg.go(move || {
        runtime::lock_os_thread();
        let thread = thread::current().id();
        for v in &input {
            output.send(v + 1);
            assert_eq!(thread::current().id(), thread);
        }
    });
    guarded("ping_pong", || {
        goconc::run(move || {
            for i in 0..500 {
                ping.send(i);
                assert_eq!(pong.recv(), Some(i + 1));
            }
            ping.close();
        });
        wg.wait();
    });
}

/// GO-022: as many unlocks as locks; an unlock too many does nothing.
#[test]
fn nests() {
    let locked = || {
        runtime::stack_dump()
            .lines()
            .any(|line| line.contains("\"nests\"") && line.contains("locked to thread"))
    };
    let done = Chan::new();
    go!(name = "nests", [done] {
        runtime::unlock_os_thread();
        runtime::lock_os_thread();
        runtime::lock_os_thread();
        assert!(locked());
        runtime::unlock_os_thread();
        assert!(locked());
        runtime::unlock_os_thread();
        assert!(!locked());
        runtime::unlock_os_thread();
        done.send(());
    });
    guarded("nests", || done.recv()).unwrap();
    runtime::lock_os_thread(); // on a plain thread: nothing
    runtime::unlock_os_thread();
}

/// While locked, the thread starts nothing else.
#[test]
fn the_thread_is_its_own() {
    let (stop, wg) = (Arc::new(AtomicBool::new(false)), Arc::new(WaitGroup::new()));
    let (locked, go_on) = (Chan::new(), Chan::<()>::new());
    let theirs = (locked.clone(), go_on.clone(), Arc::clone(&stop));
    wg.go(move || {
        runtime::lock_os_thread();
        theirs.0.send(thread::current().id());
        theirs.1.recv();
        theirs.2.store(true, Ordering::Relaxed);
        runtime::unlock_os_thread();
    });
    let thread = locked.recv().unwrap();
    let others = Arc::new(WaitGroup::new());
    for _ in 0..200 {
        others.go(move || {
            assert_ne!(thread::current().id(), thread);
            runtime::gosched();
            assert_ne!(thread::current().id(), thread);
        });
    }
    guarded("the_thread_is_its_own", || others.wait()); // while it is locked: afterwards it is like any other
    go_on.close();
    guarded("the_thread_is_its_own", || wg.wait());
}

/// GO-023: goroutines that end while locked, again and again: their threads do not add up. (Go ends the thread.)
#[test]
fn ending_locked_leaves_no_threads() {
    let n = if cfg!(debug_assertions) { "2000" } else { "12000" };
    variants(SCENE, &["ended_locked_many", n], |output| {
        let output = output.ok();
        let threads =
            output.stdout.split_whitespace().find_map(|word| word.strip_prefix("threads=")).unwrap();
        assert!(threads.parse::<usize>().unwrap() < 100, "{output:#?}");
    });
}

/// GO-024: what a locked goroutine did to its thread is not inherited by threads made later.
#[test]
fn new_threads_are_clean() {
    if runtime::num_cpu() < 2 {
        return eprintln!("skipped: one CPU");
    }
    variants(SCENE, &["affinity"], |output| assert_eq!(output.ok().stdout, "fine\n"));
}

/// GO-038: more threads than there may be.
#[test]
fn thread_exhaustion() {
    if cfg!(debug_assertions) {
        return eprintln!("skipped in a debug build");
    }
    let output = run(SCENE, &["threads"], &[]);
    if output.stderr.contains("newosproc") {
        return eprintln!("skipped: the system allows fewer threads: {}", output.stderr);
    }
    output.crashed(&["runtime: program exceeds 10000-thread limit", "fatal error: thread exhaustion"]);
}

/// What a thread has to run when it ends, for it was locked, goes to where it is at home.
#[test]
fn who_is_woken_by_one_that_ends_locked_is_not_lost() {
    variants(SCENE, &["woken_by_one_that_ends_locked"], |output| {
        assert_eq!(output.ok().stdout, "none lost\n")
    });
}
