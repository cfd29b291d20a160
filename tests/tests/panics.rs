//! How a panic ends the process, or becomes a value; `goexit`.

mod common;

use std::error::Error;
use std::fmt::Debug;
use std::panic::{catch_unwind, panic_any};
use std::sync::Arc;

use common::{PLAIN, SCENE, run, variants};
use goconc::prelude::*;

/// PN-001, GO-043: unrecovered, in main, which is number 1.
#[test]
fn in_main() {
    variants(SCENE, &["panic_main"], |output| {
        let output = output.crashed(&["panic: boom in main\n\ngoroutine 1 [running]:\n\t", "scene.rs:"]);
        assert_eq!(output.stderr.matches("panic: ").count(), 1, "{output:#?}");
    });
}

/// PN-001, GO-039: in a child, with its name and where it was started.
#[test]
fn in_a_child() {
    variants(SCENE, &["panic_child"], |output| {
        _ = output
            .crashed(&[
                "panic: boom in child\n\ngoroutine ",
                "\"bomber\" [running]:",
                "created by goroutine 1\n\t",
            ])
            .never("deadlock");
    });
    run(PLAIN, &["panic_go"], &[]).crashed(&["panic: boom in go", "created by a plain thread"]);
}

#[test]
fn messages() {
    run(SCENE, &["panic_lines"], &[]).crashed(&["panic: one\n\ttwo\n"]);
    run(SCENE, &["panic_value"], &[]).crashed(&["panic: 42\n"]);
    run(SCENE, &["panic_opaque"], &[]).crashed(&["panic: (a value that is not a string)\n"]);
}

/// What is printed is the panic that ends the process, not an earlier one that was caught.
#[test]
fn the_last_panic_is_reported() {
    for (scene, last) in
        [("panic_after_caught", "panic: the last one\n"), ("panic_after_others_note", "panic: its own\n")]
    {
        run(SCENE, &[scene], &[]).crashed(&[last]).never("caught one").never("another goroutine's");
    }
    let handle = goconc::spawn(|| {
        _ = catch_unwind(|| panic!("the caught one"));
        std::panic::resume_unwind(Box::new("the last one"))
    });
    let error = handle.join().unwrap_err();
    assert_eq!((error.message(), error.location()), ("the last one", None));
}

/// What is printed of panics that met deferred calls.
mod deferred {
    use super::*;

    const RECOVERY: &str = env!("CARGO_BIN_EXE_recovery");

    /// Standard error begins with `stderr`, and standard output is `stdout`.
    #[track_caller]
    fn crashes(scene: &str, stdout: &str, stderr: &str) {
        let output = run(RECOVERY, &[scene], &[]).crashed(&[]);
        assert!(output.stderr.starts_with(stderr), "{output:#?}");
        assert_eq!(output.stdout, stdout);
    }

    /// PN-002, PN-003, PN-004, PN-006: what was recovered is over.
    #[test]
    fn over() {
        crashes("recovered_then_fresh", "wrapped: bad\n", "panic: fresh\n\ngoroutine 1 [running]:\n");
        crashes("recovered_inside", "second panic\n", "panic: first panic\n\ngoroutine 1 [running]:\n");
        crashes("aborted", "second\n", "panic: last\n\n"); // PN-025
    }

    /// PN-005, PN-006, PN-008
    #[test]
    fn chains() {
        crashes(
            "panic_after_recover",
            "first panic\n",
            "panic: first panic [recovered]\n\tpanic: second panic\n\ngoroutine 1 [running]:\n",
        );
        crashes(
            "second_recovered",
            "first panic\nsecond panic\n",
            "panic: first panic [recovered]\n\tpanic: second panic [recovered]\n\tpanic: third panic\n\n",
        );
        crashes("chain", "", "panic: one\n\tpanic: two\n\tpanic: three\n\tlines\n\n");
        let output =
            run(RECOVERY, &["long_chain"], &[]).crashed(&["panic: level 0\n", "panic: level 200\n\n"]);
        assert!(output.stderr.matches("panic: level").count() < 50, "{output:#?}");
    }

    /// PN-007: the same text again is printed once.
    #[test]
    fn repanicked() {
        let once = "panic: message [recovered, repanicked]\n\ngoroutine 1 [running]:\n";
        crashes("repanicked", "", once);
        crashes("repanicked_twice", "", once);
        crashes(
            "repanicked_middle",
            "",
            "panic: inner [recovered]\n\tpanic: middle [recovered, repanicked]\n\tpanic: outer\n\n",
        );
        crashes(
            "sandwich",
            "",
            "panic: outer [recovered]\n\tpanic: inner [recovered, repanicked]\n\tpanic: outer\n\n",
        );
    }

    /// PN-010, PN-011, PN-012
    #[test]
    fn goexit() {
        crashes("after_goexit", "", "panic: hello\n\n");
        let gone = "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n";
        crashes("goexit_in_panic", "", gone);
        crashes("recovered_in_goexit", "hello\ntrue\n", gone);
    }

    /// PN-013, PN-014, PN-017
    #[test]
    fn values() {
        crashes("value", "", "panic: MyInt(42)\n\n");
        crashes("value_text", "", "panic: a text\n\n");
        crashes("value_that_parks", "", "panic: parked\n\n");
        crashes("value_that_panics", "", "panic: (panic while printing panic value: in its Debug)\n\n");
    }

    /// What a function returns that has nothing to return.
    #[test]
    fn no_value() {
        crashes(
            "no_value",
            "",
            "panic: recovered from a panic (the cause), but there is nothing to return: ",
        );
    }

    /// Others unwind on the same thread.
    #[test]
    fn beside_another() {
        variants(RECOVERY, &["beside_another"], |output| {
            assert_eq!(output.ok().stdout, "None\nat the end of a block\nnormal\nits own\n");
        });
    }

    #[test]
    fn in_main() {
        assert_eq!(run(RECOVERY, &["main_recovers"], &[]).ok().stdout, "");
        assert_eq!(run(RECOVERY, &["main_recovers_in_a_helper"], &[]).ok().stdout, "x\n");
    }

    /// PN-037: what is printed is made at the statement.
    #[test]
    fn printed_now() {
        assert_eq!(run(RECOVERY, &["printed_now"], &[]).ok().stdout, "now 10\n2 deferred 1\n");
    }

    /// PN-001, PN-040
    #[test]
    fn deferred_calls_of_the_one_that_panics() {
        variants(RECOVERY, &["every_panic_in_a_goroutine"], |output| {
            let output = output.crashed(&["panic: not recovered\n\n"]);
            assert_eq!(output.stdout, "recovered\ndeferred\n");
        });
        assert_eq!(run(RECOVERY, &["exit"], &[]).stdout, "");
        assert_eq!(run(RECOVERY, &["replaced_in_join"], &[]).ok().stdout, "second\n");
    }
}

/// PN-016, GO-048: many at once, on busy threads: one complete report.
#[test]
fn race() {
    for _ in 0..5 {
        variants(SCENE, &["panic_race"], |output| {
            let output = output.crashed(&["panic: boom ", "[running]:"]);
            assert_eq!(output.stderr.matches("panic: boom").count(), 1, "{output:#?}");
        });
    }
}

/// A panic that nobody can observe any more ends the process; so does one in a scope or a group (SY-025).
#[test]
fn that_nobody_observes() {
    for (scene, text) in [
        ("panic_detached", "panic: boom detached"),
        ("panic_detached_late", "panic: boom detached"),
        ("panic_scope", "panic: boom in scope"),
        ("panic_group", "panic: boom in group"),
        ("panic_local_drop", "panic: boom in drop"),
        ("panic_blocking", "panic: boom in blocking"),
    ] {
        variants(SCENE, &[scene], |output| {
            let output = output.crashed(&[text]);
            assert!(!output.stdout.contains("unreachable"), "{output:#?}");
        });
    }
}

/// Rust aborts when a destructor panics while unwinding. Both messages are there.
#[test]
fn in_a_destructor_while_unwinding() {
    let output = run(SCENE, &["panic_in_drop"], &[]);
    assert!(!output.status.success(), "{output:#?}");
    assert!(output.stderr.contains("the first one"), "{output:#?}");
}

/// `run` hands the panic on to its caller, where it goes on like any other of that thread.
#[test]
fn through_run() {
    let output = run(PLAIN, &["panic_run"], &[]);
    assert_eq!(output.code(), Some(101), "{output:#?}");
    assert!(output.stderr.contains("boom in run"), "{output:#?}");
    let output = run(PLAIN, &["panic_plain"], &[]);
    assert_eq!(output.code(), Some(101), "{output:#?}");
    assert!(output.stderr.contains("boom on a plain thread"), "{output:#?}");
}

/// GOTRACEBACK: how much is said.
#[test]
fn traceback_levels() {
    let with = |level| run(SCENE, &["panic_child"], &[("GOTRACEBACK", level)]);
    for level in ["none", "0"] {
        with(level).crashed(&["panic: boom in child\n"]).never("goroutine");
    }
    for level in ["single", "1", ""] {
        with(level).crashed(&["[running]:"]).never("goroutine 1 [");
    }
    for level in ["all", "system", "2"] {
        with(level).crashed(&["[running]:", "goroutine 1 [chan receive]:"]);
    }
    let output = with("crash");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&output.status),
        Some(libc::SIGABRT),
        "{output:#?}"
    );
    assert!(output.stderr.contains("panic: boom in child"), "{output:#?}");
}

/// PN-040: `std::process::exit` runs nothing and says nothing.
#[test]
fn exit() {
    variants(SCENE, &["exit"], |output| assert_eq!((output.code(), output.stderr.as_str()), (Some(7), "")));
}

/// PN-009: `goexit` runs all destructors, the last made first.
#[test]
fn goexit_runs_destructors() {
    struct Say(&'static str, Chan<&'static str>);
    impl Drop for Say {
        fn drop(&mut self) {
            self.1.send(self.0);
        }
    }
    let ch = Chan::new();
    go!([ch] {
        let _first = Say("first", ch.clone());
        let _second = Say("second", ch.clone());
        inner(&ch);
    });
    fn inner(ch: &Chan<&'static str>) {
        let _third = Say("third", ch.clone());
        runtime::goexit();
    }
    assert_eq!((0..3).filter_map(|_| ch.recv()).collect::<Vec<_>>(), ["third", "second", "first"]);
}

#[test]
fn goexit_seen_by_join() {
    let error = goconc::spawn(|| runtime::goexit()).join().unwrap_err();
    assert!(error.message().contains("goexit"), "{error}");
    drop(goconc::spawn(|| runtime::goexit())); // nobody's business
}

/// `goexit` swallowed by `catch_unwind`: it starts again at the next wait, and ends with its own goroutine.
#[test]
fn goexit_caught() {
    let ch = Chan::new();
    go!([ch] {
        struct Close(Chan<i32>);
        impl Drop for Close {
            fn drop(&mut self) {
                self.0.close();
            }
        }
        let _close = Close(ch.clone());
        assert!(catch_unwind(|| runtime::goexit()).is_err());
        Chan::<i32>::new().recv(); // an operation that waits
        unreachable!();
    });
    assert_eq!(ch.recv(), None);
    for scene in ["goexit_swallowed", "goexit_in_scope"] {
        variants(SCENE, &[scene], |output| assert_eq!(output.ok().stdout, "fine\n"));
    }
}

/// The value of a send at which the goroutine ends, instead of waiting, is dropped like all else that it has; once.
#[test]
fn goexit_at_a_send_drops_the_value() {
    struct Say(Chan<&'static str>);
    impl Drop for Say {
        fn drop(&mut self) {
            self.0.send("dropped");
        }
    }
    let (said, never) = (Chan::with_capacity(2), Chan::new());
    let sender = goconc::spawn({
        let said = said.clone();
        move || {
            assert!(catch_unwind(|| runtime::goexit()).is_err());
            never.send(Say(said));
            unreachable!();
        }
    });
    assert!(sender.join().is_err());
    assert_eq!((said.try_recv().ok(), said.len()), (Some("dropped"), 0));
}

#[test]
fn goexit_on_a_plain_thread() {
    assert!(common::panic_text(|| runtime::goexit()).contains("outside of a goroutine"));
}

/// A destructor that runs because of a panic may wait.
#[test]
fn parking_while_unwinding() {
    variants(SCENE, &["park_in_unwinding_drop"], |output| assert_eq!(output.ok().stdout, "fine\n"));
}

/// ... and the others on its thread go on as if nothing were.
#[test]
fn others_beside_one_that_is_unwinding() {
    variants(SCENE, &["group_beside_unwinding"], |output| assert_eq!(output.ok().stdout, "fine\n"));
}

/// A panic as a value: text, place and payload.
#[test]
fn as_a_value() {
    let n = runtime::num_cpu().min(1);
    let line = line!() + 1;
    let error = goconc::spawn(move || -> () { panic!("boom {n}") }).join().unwrap_err();
    assert_eq!((error.message(), error.to_string().as_str()), ("boom 1", "boom 1"));
    let at = error.location().unwrap();
    assert!(at.file().ends_with("panics.rs") && at.line() == line && at.column() > 0, "{at}");
    assert_eq!(error.into_payload().downcast_ref::<String>().unwrap(), "boom 1");
}

/// PN-017: the text of an error is what it displays, thrown in either way.
#[test]
fn errors_as_values() {
    fn thrown<T: Debug + Send + 'static>(make: fn() -> T) -> [String; 2] {
        let text = |f: Box<dyn FnOnce() + Send>| goconc::spawn(f).join().unwrap_err().message().to_owned();
        [text(Box::new(move || goconc::panic(make()))), text(Box::new(move || panic_any(make())))]
    }
    type Boxed = Box<dyn Error + Send + Sync>;
    assert_eq!(thrown(|| Boxed::from("boom")), ["boom", "boom"]);
    assert_eq!(thrown(|| -> Box<dyn Error + Send> { Boxed::from("boom") }), ["boom", "boom"]);
    assert_eq!(thrown(|| -> Arc<dyn Error + Send + Sync> { Boxed::from("boom").into() }), ["boom", "boom"]);
    assert_eq!(thrown(|| std::io::Error::other("boom")), ["boom", "boom"]);
    assert_eq!(thrown(|| "x".parse::<i32>().unwrap_err()), ["invalid digit found in string"; 2]);
    assert_eq!(thrown(|| "x".parse::<f32>().unwrap_err()), ["invalid float literal"; 2]);
}

/// What is wrong with a call is told at the call, wherever the library finds it out.
#[test]
fn misuse_is_shown_at_the_call() {
    #[goroutine]
    fn no_result() -> std::num::NonZero<u8> {
        defer! { recover(); }
        panic!("recovered from")
    }
    let misuses: [fn(); 6] = [
        || _ = time::Timer::default().stop(),
        || _ = time::Timer::default().reset(time::SECOND),
        || time::Ticker::default().reset(time::SECOND),
        || go!(stack_size = 1_usize << 40, {}),
        || _ = no_result(),
        || Chan::<u8>::nil().close(),
    ];
    for (number, misuse) in misuses.into_iter().enumerate() {
        let error = goconc::spawn(misuse).join().unwrap_err();
        assert_eq!(error.location().unwrap().file(), file!(), "{number}: {error}");
    }
}
