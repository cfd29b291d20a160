//! The scheduler as programs see it: progress, parallelism, fairness, blocking, sleep, figures.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{SCENE, guarded, ms, run, variants};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

fn spin(d: Duration) {
    let start = Instant::now();
    while start.elapsed() < d {
        std::hint::spin_loop();
    }
}

/// GO-005: yielding in a loop lets another one go on.
#[test]
fn gosched_lets_others_go_on() {
    for locked in [false, true] {
        let (started, stop) = (Chan::new(), Arc::new(AtomicBool::new(false)));
        let done = Chan::new();
        go!([started, stop, done] {
            if locked {
                runtime::lock_os_thread();
            }
            started.send(());
            while !stop.load(Ordering::Relaxed) {
                runtime::gosched();
            }
            done.send(());
        });
        started.recv();
        go!([stop] stop.store(true, Ordering::Relaxed));
        guarded("gosched", || done.recv());
    }
}

/// GO-007: goroutines that spin for each other really run at the same time.
#[test]
fn parallel() {
    parallel_rounds(goconc::runtime::num_cpu().min(4));
}

/// GO-008: so they do when they are started by goroutines. (With the network: later.)
#[test]
fn parallel_when_nested() {
    goconc::run(|| {
        for _ in 0..10 {
            go!(|| time::sleep(ms(1)));
        }
        parallel_rounds(goconc::runtime::num_cpu().min(4));
    });
}

fn parallel_rounds(procs: usize) {
    if runtime::gomaxprocs(0) < procs {
        return;
    }
    for _ in 0..10 {
        let (turn, wg) = (Arc::new(AtomicUsize::new(0)), Arc::new(WaitGroup::new()));
        for i in 0..procs {
            let turn = Arc::clone(&turn);
            wg.go(move || {
                for round in 0..1000 {
                    let mine = round * procs + i;
                    while turn.load(Ordering::Acquire) != mine {
                        std::hint::spin_loop();
                    }
                    turn.store(mine + 1, Ordering::Release);
                }
            });
        }
        guarded("parallel", || wg.wait());
    }
}

/// GO-010: a sleeper wakes although every P is kept busy by goroutines that yield or spin.
#[test]
fn sleep_beside_yielders() {
    let (stop, wg) = (Arc::new(AtomicBool::new(false)), Arc::new(WaitGroup::new()));
    for i in 0..runtime::gomaxprocs(0) * 2 {
        let stop = Arc::clone(&stop);
        wg.go(move || {
            while !stop.load(Ordering::Relaxed) {
                if i % 2 == 0 { runtime::gosched() } else { spin(Duration::from_micros(200)) }
            }
        });
    }
    guarded("sleep", || goconc::run(|| time::sleep(ms(20))));
    stop.store(true, Ordering::Relaxed);
    wg.wait();
}

/// GO-011: ... or that play ping-pong with system calls in between.
#[test]
fn sleep_beside_system_calls() {
    let (ping, pong) = (Chan::new(), Chan::new());
    for (input, output) in [(ping.clone(), pong.clone()), (pong.clone(), ping.clone())] {
        go! {
            for () in &input {
                thread::sleep(Duration::from_micros(50));
                if output.checked_send(()).is_err() {
                    break;
                }
            }
        }
    }
    ping.send(());
    guarded("sleep", || goconc::run(|| time::sleep(ms(20))));
    ping.close();
    pong.close();
}

/// GO-012, GO-014 (N: nothing interrupts a goroutine, its P goes to another thread instead): all of N pairs of busy loops
/// finish, each half of which waits for the other.
#[test]
fn busy_pairs() {
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..3 {
        let flags = Arc::new([const { AtomicUsize::new(0) }; 2]);
        for i in 0..2 {
            let flags = Arc::clone(&flags);
            wg.go(move || {
                for round in 1..5 {
                    flags[i].store(round, Ordering::Release);
                    while flags[1 - i].load(Ordering::Acquire) < round {
                        std::hint::spin_loop();
                    }
                }
            });
        }
    }
    guarded("busy_pairs", || wg.wait());
}

// GO-013 (N): there is no global stop. GO-018, GO-019, GO-020, GO-021: unit tests and models of goconc/src/queue; what can be
// seen from here, that each goroutine runs once, is `each_runs_once` in spawn.rs. GO-026 comes with the network.

/// GO-017: nor does one keep the main goroutine from its work, on more than one P: that one goes to another thread.
#[test]
fn main_beside_a_hog() {
    for procs in ["2", "4"] {
        let output = run(SCENE, &["beside_a_hog"], &[("GOMAXPROCS", procs)]);
        assert_eq!(output.ok().stdout, "woke\n");
    }
}

/// GO-017: hogs do not keep a light pair from its work, on one P.
#[test]
fn ping_pong_beside_hogs() {
    for env in [&[("GOMAXPROCS", "1")][..], &[("GOMAXPROCS", "1"), ("GOCONC_DEBUG", "sticky=1")]] {
        run(env!("CARGO_BIN_EXE_stress"), &["syscalls"], env).ok();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let hogs = Arc::new(WaitGroup::new());
    for _ in 0..2 {
        let stop = Arc::clone(&stop);
        hogs.go(move || {
            while !stop.load(Ordering::Relaxed) {
                runtime::gosched();
            }
        });
    }
    let (ping, pong) = (Chan::new(), Chan::new());
    go!([ping, pong] for v in &ping { pong.send(v) });
    guarded("ping_pong", || {
        goconc::run(move || {
            for i in 0..100 {
                ping.send(i);
                assert_eq!(pong.recv(), Some(i));
            }
            ping.close();
        });
    });
    stop.store(true, Ordering::Relaxed);
    hogs.wait();
}

/// GO-025: after short system calls a P can still be taken from who computes.
#[test]
fn hand_off_after_system_calls() {
    for us in [10, 100, 1000] {
        let wg = Arc::new(WaitGroup::new());
        for _ in 0..runtime::gomaxprocs(0) {
            wg.go(move || {
                thread::sleep(Duration::from_micros(us));
                spin(ms(30));
            });
        }
        let ran = Chan::new();
        go!([ran] ran.send(()));
        guarded("hand_off", || ran.recv());
        wg.wait();
    }
}

/// The issue: 64 goroutines that each block their thread once, as their first act, on one P: all finish.
#[test]
fn sixty_four_sleepers() {
    for env in [&[("GOMAXPROCS", "1")][..], &[("GOMAXPROCS", "1"), ("GOCONC_DEBUG", "sticky=1")], &[]] {
        let output = run(SCENE, &["sleepers_64"], env).ok();
        println!("{env:?}: {}", output.stdout.trim());
    }
}

/// The issue: a program whose goroutines are all parked uses no CPU.
#[test]
fn parked_goroutines_use_no_cpu() {
    variants(SCENE, &["parked_use_no_cpu"], |output| {
        let us: u64 = output.ok().stdout.trim().parse().unwrap();
        assert!(us < 5000, "{us} us of CPU in 5 s"); // 0.1 %
    });
}

/// The issue: a million parked goroutines start and end. Prints the memory they take.
#[test]
fn a_million_parked() {
    let n = if cfg!(debug_assertions) { "10000" } else { "1000000" };
    for env in [&[][..], &[("GOCONC_DEBUG", "sticky=1")]] {
        println!("{n}: {}", run(SCENE, &["many_parked", n], env).ok().stdout.trim());
    }
}

/// GO-046: signals end no sleep early.
#[test]
fn signals_do_not_cut_sleeps_short() {
    variants(SCENE, &["signals"], |output| assert_eq!(output.ok().stdout, "fine\n"));
}

/// GO-047: figures are consistent. (The process's own goroutines only: in a program of its own, see dump.rs, they are exact.)
#[test]
fn metrics() {
    let gate = Chan::<()>::new();
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..100 {
        let gate = gate.clone();
        wg.go(move || _ = gate.recv());
    }
    goconc::spawn(|| ()).join().unwrap(); // there is a thread by now
    let m = runtime::metrics();
    assert!(m.goroutines >= 100 && m.gomaxprocs >= 1 && m.threads >= 1, "{m}");
    assert!(m.idle_procs <= m.gomaxprocs.max(runtime::gomaxprocs(0)) && !m.guards.is_empty(), "{m}");
    assert!(m.to_string().contains(&format!("gomaxprocs={}", m.gomaxprocs)));
    gate.close();
    wg.wait();
}

/// GO-047: what they count is counted.
#[test]
fn metrics_of_events() {
    for env in [&[("GOMAXPROCS", "1")][..], &[("GOMAXPROCS", "2")], &[("GOMAXPROCS", "16")]] {
        let text = run(SCENE, &["figures"], env).ok().stdout;
        assert!(text.contains(" retaken=") && !text.contains(" retaken=0"), "{text}");
        let sticky = run(SCENE, &["figures"], &[env, &[("GOCONC_DEBUG", "sticky=1")]].concat()).ok().stdout;
        assert!(sticky.contains(" drawn=0 moved=0 "), "{sticky}");
    }
}

// GO-033 comes with sync.Mutex. GO-049 (N): there is no global stop. GO-060 to GO-067: there is no iter.Pull; Rust has
// iterators.

#[test]
fn sleep_zero_and_for_ever() {
    goconc::run(|| {
        time::sleep(Duration::ZERO);
        for _ in 0..3 {
            go!(|| time::sleep(Duration::MAX));
        }
        let start = Instant::now();
        time::sleep(ms(30));
        assert!(start.elapsed() >= ms(30));
    });
}

/// Sleepers wake in the order of their deadlines, or nearly: each not before its own.
#[test]
fn sleepers_wake_in_order() {
    let order = Chan::with_capacity(10);
    for i in (0..10).rev() {
        go!([order] {
            time::sleep(ms(10 + i * 40));
            order.send(i);
        });
    }
    assert!(guarded("sleepers", || (0..10).map(|_| order.recv().unwrap()).collect::<Vec<_>>()).is_sorted());
}

/// `blocking`: borrows, gives results and panics, nests.
#[test]
fn blocking() {
    let mut n = 1;
    assert_eq!(runtime::blocking(|| 5), 5);
    goconc::scope(|s| {
        s.go(|| {
            let got = runtime::blocking(|| {
                assert_eq!(runtime::goroutine_id(), None);
                n += 1;
                n
            });
            assert_eq!(got, 2);
            let nested = runtime::blocking(|| goconc::run(|| runtime::blocking(|| 7)));
            assert_eq!(nested, 7);
        });
    });
    let error = goconc::spawn(|| runtime::blocking(|| panic!("boom"))).join().unwrap_err();
    assert_eq!(error.message(), "boom");
}

/// A lock of std's held by one goroutine and wanted by many blocks threads, not the program.
#[test]
fn locks_of_std() {
    let (lock, wg) = (Arc::new(std::sync::Mutex::new(0)), Arc::new(WaitGroup::new()));
    for _ in 0..20 {
        let lock = Arc::clone(&lock);
        wg.go(move || {
            for _ in 0..20 {
                let mut n = lock.lock().unwrap();
                thread::sleep(Duration::from_micros(20));
                *n += 1;
            }
        });
    }
    guarded("locks", || wg.wait());
    assert_eq!(*lock.lock().unwrap(), 400);
}

/// A sender whose value was taken goes behind a receiver that has got one: it does not fill a chain that is as quick as itself.
#[test]
fn receivers_go_before_senders() {
    for debug in ["", "sticky=1"] {
        let output = run(SCENE, &["receiver_and_sender"], &[("GOMAXPROCS", "1"), ("GOCONC_DEBUG", debug)]);
        assert_eq!(output.ok().stdout, "receivers\n");
    }
}

/// A goroutine that is started among others that take turns need not wait until they have taken many.
#[test]
fn one_that_starts_does_not_wait_for_many_turns() {
    for debug in ["", "sticky=1"] {
        let output = run(SCENE, &["start_among_turns"], &[("GOMAXPROCS", "1"), ("GOCONC_DEBUG", debug)]);
        assert_eq!(output.ok().stdout, "soon\n");
    }
}

/// A goroutine that a library has switched to a stack of its own cannot park there: it yields and waits as its thread. (Under sticky, so
/// do those at home on it.)
#[test]
fn on_a_foreign_stack() {
    for (procs, each) in [("1", 25), ("2", 4000)] {
        let output = run(SCENE, &["on_a_foreign_stack", &each.to_string()], &[("GOMAXPROCS", procs)]);
        assert_eq!(output.ok().stdout, format!("{}\n", 4 * each * (4 * each + 1) / 2));
    }
}
