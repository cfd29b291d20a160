//! `runtime::stack_dump`, SIGQUIT.

mod common;

use std::io::Read;
use std::time::Instant;

use common::{SCENE, command, guarded, signal, variants, wait};
use goconc::prelude::*;

/// GO-039, GO-042, GO-045, GO-016: every goroutine with its reason, place and origin; nothing of the runtime's own.
#[test]
fn shows_every_goroutine() {
    variants(SCENE, &["dump"], |output| {
        let dump = output.ok().stdout;
        for text in [
            "goroutine 1 [running]:\n",
            " \"reader\" [chan receive]:\n\t",
            " [sleep, locked to thread]:\n\t",
            " [chan send (nil chan)]:\n\t",
            " [sync.WaitGroup.Wait]:\n\t",
            " [blocking call]:\n\t",
            "created by goroutine 1\n\t",
        ] {
            assert!(dump.contains(text), "no {text:?} in {dump}");
        }
        assert_eq!(
            dump.matches("goroutine ").count() - dump.matches("created by goroutine ").count(),
            6,
            "{dump}"
        );
        assert!(dump.contains("scene.rs:") && !dump.contains("goconc/src"), "{dump}");
    });
}

// GO-040: an ancestor chain is not kept. GO-041: instead of labels there is a name (`go!(name = ..)`).

/// A name with everything in it, quoted.
#[test]
fn names() {
    let gate = Chan::<()>::new();
    let started = Chan::new();
    go!(name = "a \"b\"\n\u{e9}", [gate, started] {
        started.send(());
        gate.recv();
    });
    go!(name = format!("worker {}", 7), [gate, started] {
        started.send(());
        gate.recv();
    });
    (0..2).for_each(|_| _ = started.recv());
    let dump = runtime::stack_dump();
    assert!(dump.contains("\"a \\\"b\\\"\\né\" [") && dump.contains("\"worker 7\" ["), "{dump}");
    gate.close();
}

/// GO-044: dumps while goroutines come and go: nothing torn, none twice.
#[test]
fn while_everything_runs() {
    let stop = Chan::<()>::new();
    let churn = goconc::spawn({
        let stop = stop.clone();
        move || {
            while stop.try_recv() == Err(goconc::chan::TryRecvError::Empty) {
                let handles: Vec<_> = (0..50).map(|_| goconc::spawn(runtime::gosched)).collect();
                handles.into_iter().for_each(|handle| handle.join().unwrap());
            }
        }
    });
    guarded("dumps", || {
        for _ in 0..300 {
            let dump = runtime::stack_dump();
            let mut ids: Vec<u64> = Vec::new();
            for line in dump.lines().filter(|line| line.starts_with("goroutine ")) {
                assert!(line.ends_with("]:") && line.contains(" ["), "{line:?}");
                ids.push(line.split_whitespace().nth(1).unwrap().parse().unwrap());
            }
            assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        }
    });
    stop.close();
    churn.join().unwrap();
}

/// SIGQUIT prints everything and ends the process with status 2.
#[test]
fn quit() {
    for env in common::VARIANTS {
        let mut child = command(SCENE, &["quit"], env).spawn().unwrap();
        let mut ready = [0; 5];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        std::thread::sleep(common::ms(50)); // until main sleeps again
        signal(&child, libc::SIGQUIT);
        wait(child, Instant::now()).crashed(&[
            "SIGQUIT: quit\n\n",
            "goroutine 1 [sleep]:",
            "\"stuck\" [chan receive]:",
            "created by goroutine 1",
        ]);
    }
}
