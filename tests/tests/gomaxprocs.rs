//! GOMAXPROCS: asked, set, from the environment, by default, while everything runs.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use common::{SCENE, command, finish, guarded, panic_text, run};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// The number is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// GO-028: less than 1 only asks; setting returns what was.
#[test]
fn asks_and_sets() {
    let _alone = alone();
    let before = runtime::gomaxprocs(0);
    assert_eq!((runtime::gomaxprocs(-1), runtime::gomaxprocs(isize::MIN)), (before, before));
    assert_eq!(runtime::gomaxprocs(3), before);
    assert_eq!(runtime::gomaxprocs(before), 3);
    assert!(panic_text(|| _ = runtime::gomaxprocs(1025)).contains("1025"));
    assert_eq!(runtime::gomaxprocs(0), before);
}

/// GO-004, GO-015 (there is no global stop: the nearest thing is a change of this number): one that changes it all the time
/// starves nobody, and nothing gets stuck.
#[test]
fn changing_it_all_the_time() {
    let _alone = alone();
    let before = runtime::gomaxprocs(0);
    let (stop, wg) = (Arc::new(AtomicBool::new(false)), Arc::new(WaitGroup::new()));
    let changing = Arc::clone(&stop);
    let changer = goconc::spawn(move || {
        for i in 0.. {
            if changing.load(Ordering::Relaxed) {
                break;
            }
            runtime::gomaxprocs(i % 5 + 1);
            runtime::gosched();
        }
    });
    let (ch, sum) = (Chan::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..4 {
        let (out, input, sum) = (ch.clone(), ch.clone(), Arc::clone(&sum));
        wg.go(move || (0..500).for_each(|v| out.send(v)));
        wg.go(move || (0..500).for_each(|_| _ = sum.fetch_add(input.recv().unwrap(), Ordering::Relaxed)));
        wg.go(|| (0..20).for_each(|_| time::sleep(common::ms(1))));
    }
    guarded("changing gomaxprocs", || wg.wait());
    stop.store(true, Ordering::Relaxed);
    changer.join().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), 4 * 499 * 500 / 2);
    runtime::gomaxprocs(before);
}

/// GO-050: threads whose goroutine ended while locked, meanwhile.
#[test]
fn changing_it_while_threads_end() {
    let _alone = alone();
    let before = runtime::gomaxprocs(0);
    let wg = Arc::new(WaitGroup::new());
    for i in 0..40 {
        wg.go(move || {
            runtime::lock_os_thread();
            runtime::gomaxprocs(i % 4 + 1);
            runtime::gosched();
        });
    }
    guarded("ending threads", || wg.wait());
    runtime::gomaxprocs(before);
    assert_eq!(goconc::run(|| 1), 1);
}

/// GO-027: 1024 of them, and GO-032: the environment wins.
#[test]
fn from_the_environment() {
    assert_eq!(run(SCENE, &["gomaxprocs_1024"], &[("GOMAXPROCS", "1024")]).ok().stdout, "1024\n");
    for n in ["1", "2", "7"] {
        assert_eq!(run(SCENE, &["procs"], &[("GOMAXPROCS", n)]).ok().stdout.trim(), n);
    }
}

/// GO-029: by default as many as affinity allows. (GO-030: the quota is tested in goconc/src/sys/cpu.rs. GO-031: sysmon looks
/// once a second and follows; a test would have to change the cgroup.)
#[test]
fn default_follows_affinity() {
    let all = run(SCENE, &["procs"], &[]).ok().stdout.trim().parse::<usize>().unwrap();
    assert!(all <= runtime::num_cpu());
    let one = command("taskset", &["-c", "0", SCENE, "procs"], &[]);
    if std::process::Command::new("taskset").arg("--version").output().is_ok() {
        assert_eq!(finish(one).ok().stdout, "1\n");
    } else {
        eprintln!("skipped: no taskset");
    }
}

/// `#[goroutine(gomaxprocs = ..)]`, and what cannot be.
#[test]
fn option_of_main() {
    const MAIN: &str = env!("CARGO_BIN_EXE_main_gomaxprocs");
    assert_eq!(run(MAIN, &["3"], &[]).ok().stdout, "3\n");
    assert_eq!(run(MAIN, &["3"], &[("GOMAXPROCS", "2")]).ok().stdout, "2\n");
    for bad in ["0", "1025"] {
        run(MAIN, &[bad], &[]).crashed(&["gomaxprocs", bad]);
    }
}
