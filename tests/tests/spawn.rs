//! The `go` statement: what is evaluated when, how many there are, and how the program ends.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{PLAIN, SCENE, ms, run, variants};
use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// GO-001: callee and arguments in the caller, in order; only the call runs in the goroutine.
#[test]
fn arguments_are_evaluated_in_the_caller() {
    let order = Chan::with_capacity(10);
    let note = |what: &'static str| {
        order.send((what, runtime::goroutine_id()));
        what
    };
    fn call(order: Chan<(&'static str, Option<u64>)>, _: &str, _: &str) {
        order.send(("call", runtime::goroutine_id()));
    }
    fn callee<T>(note: impl Fn(&'static str) -> &'static str, f: T) -> T {
        note("callee");
        f
    }
    go!(callee(note, call)(order.clone(), note("first"), note("second")));
    let seen: Vec<_> = (0..4).filter_map(|_| order.recv()).collect();
    assert_eq!(seen[..3], [("callee", None), ("first", None), ("second", None)]);
    assert!(seen[3].0 == "call" && seen[3].1.is_some(), "{seen:?}");
}

/// GO-001: a receive in an argument is the caller's; in a block it is the goroutine's.
#[test]
fn receive_in_an_argument() {
    let (input, output) = (Chan::with_capacity(2), Chan::new());
    input.send(1);
    go!([output] output.send(input.recv()));
    assert_eq!((input.len(), output.recv()), (0, Some(Some(1))));
    go!([input, output] { output.send(input.recv()); });
    input.send(2);
    assert_eq!(output.recv(), Some(Some(2)));
}

// GO-002 (N): there is no nil function; `go!` of an `Option` of one does not compile.

/// GO-003: the process ends with main; the destructors of others do not run.
#[test]
fn the_process_ends_with_main() {
    variants(SCENE, &["main_returns"], |output| assert_eq!(output.ok().stdout, "main returns\n"));
    run(PLAIN, &["returns"], &[]).ok();
}

/// Every goroutine runs exactly once, wherever it was started.
#[test]
fn each_runs_once() {
    let n = 10_000;
    let ran: Arc<Vec<AtomicUsize>> = Arc::new((0..n).map(|_| AtomicUsize::new(0)).collect());
    let wg = Arc::new(WaitGroup::new());
    for i in 0..n {
        let (ran, inner) = (Arc::clone(&ran), Arc::clone(&wg));
        if i % 2 == 0 {
            wg.go(move || {
                let ran2 = Arc::clone(&ran);
                inner.go(move || _ = ran2[i + 1].fetch_add(1, Ordering::Relaxed));
                ran[i].fetch_add(1, Ordering::Relaxed);
            });
        }
    }
    wg.wait();
    assert!(ran.iter().all(|n| n.load(Ordering::Relaxed) == 1));
}

/// The start of a goroutine comes after what its starter has done before.
#[test]
fn go_orders_memory() {
    for _ in 0..1000 {
        let data = Arc::new(AtomicUsize::new(0));
        data.store(1, Ordering::Relaxed);
        let theirs = Arc::clone(&data);
        assert_eq!(goconc::spawn(move || theirs.load(Ordering::Relaxed)).join().unwrap(), 1);
    }
}

/// Numbers are not given twice; main has number 1; a plain thread has none.
#[test]
fn numbers() {
    assert_eq!(runtime::goroutine_id(), None);
    let ids = Chan::with_capacity(1000);
    for _ in 0..100 {
        go!([ids] {
            for _ in 0..9 {
                go!([ids] { ids.send(runtime::goroutine_id().unwrap()) });
            }
            ids.send(runtime::goroutine_id().unwrap());
        });
    }
    let mut ids: Vec<_> = (0..1000).filter_map(|_| ids.recv()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == 1000 && ids[0] > 1);
}

/// Large closures and aligned ones, and what they own, arrive whole and are dropped once.
#[test]
fn closures_of_any_size() {
    #[repr(align(64))]
    struct Aligned(u64);
    let token = Arc::new(());
    let (ch, big, aligned, held) = (Chan::new(), [7_u64; 200], Aligned(9), Arc::clone(&token));
    go!([ch] {
        let aligned = &aligned;
        assert_eq!(core::ptr::from_ref(aligned) as usize % 64, 0);
        ch.send(big.iter().sum::<u64>() + aligned.0);
        drop(held);
        ch.close();
    });
    assert_eq!((ch.recv(), ch.recv()), (Some(1409), None));
    assert_eq!(Arc::strong_count(&token), 1);
}

/// A goroutine that is started and never runs is dropped with the process; its closure's destructor may be late, not double.
#[test]
fn starting_while_unwinding() {
    struct Start(Chan<i32>);
    impl Drop for Start {
        fn drop(&mut self) {
            let ch = self.0.clone();
            go!(ch.send(1));
        }
    }
    let ch = Chan::new();
    let theirs = ch.clone();
    let handle = goconc::spawn(move || {
        let _start = Start(theirs);
        panic!("boom");
    });
    assert_eq!(ch.recv(), Some(1));
    assert_eq!(handle.join().unwrap_err().message(), "boom");
    common::guarded("goexit", || {
        let (ch2, wg) = (ch.clone(), Arc::new(WaitGroup::new()));
        wg.go(move || {
            let _start = Start(ch2);
            runtime::goexit();
        });
        assert_eq!(ch.recv(), Some(1));
        wg.wait();
    });
    std::thread::sleep(ms(1));
}
