//! "all goroutines are asleep - deadlock!": when it is certain, and never otherwise.

mod common;

use common::{PLAIN, SCENE, ms, run, variants};

const ASLEEP: &str = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine ";

fn reported(scene: &str, texts: &[&str]) {
    variants(SCENE, &[scene], |output| _ = output.crashed(&[ASLEEP]).crashed(texts));
}

fn not_reported(scene: &str) {
    variants(SCENE, &[scene], |output| _ = output.ok().never("deadlock"));
}

/// DL-001: main blocked for ever and nothing else; status 2.
#[test]
fn main_alone() {
    reported("recv", &["goroutine 1 [chan receive]:\n\t", "scene.rs:"]);
    reported("send", &["goroutine 1 [chan send]:"]);
    reported("wait_group", &["goroutine 1 [sync.WaitGroup.Wait]:"]);
    reported("join", &["goroutine 1 [join]:", "[chan receive]:"]);
    reported("scope", &["goroutine 1 [scope]:", "[chan receive]:"]);
}

/// CH-055: on a nil channel both wait for ever, and the report says which.
#[test]
fn nil_channels() {
    reported("recv_nil", &["goroutine 1 [chan receive (nil chan)]:"]);
    reported("send_nil", &["goroutine 1 [chan send (nil chan)]:"]);
}

/// DL-002: before there is a main goroutine. In Rust nothing of ours runs before `main`, so: in a plain `main`.
#[test]
fn plain_main() {
    for scene in ["recv", "two_threads", "goroutine_and_thread", "run"] {
        variants(PLAIN, &[scene], |output| _ = output.crashed(&["all goroutines are asleep - deadlock!"]));
    }
}

/// DL-003: goroutines that are locked to their threads do not prevent it.
#[test]
fn locked() {
    reported("locked", &["goroutine 1 [chan receive, locked to thread]:"]);
    reported("other_locked", &["[chan receive, locked to thread]:", "goroutine 1 [chan receive]:"]);
    reported("ended_locked_then_deadlock", &[]);
}

/// DL-004: main has called `goexit`.
#[test]
fn main_called_goexit() {
    let nobody = "fatal error: no goroutines (main called runtime.Goexit) - deadlock!";
    variants(SCENE, &["goexit_alone"], |output| _ = output.crashed(&[nobody]));
    variants(SCENE, &["goexit_others_finish"], |output| {
        let output = output.crashed(&[nobody]);
        assert!(output.stdout.contains("the other has finished"), "{output:#?}");
    });
    reported("goexit_blocked", &["[chan receive]:"]);
}

// DL-005 and DL-006 come with the network and with `signal`. DL-008 is in `time_process.rs`.

/// DL-007: a sleeping goroutine suppresses it until it has woken.
#[test]
fn sleepers_suppress_it() {
    not_reported("sleeper_wakes");
    variants(SCENE, &["asleep_then_deadlock"], |output| _ = output.crashed(&["slept\n", ASLEEP]));
}

/// DL-009: goroutines in system calls and on helper threads suppress it.
#[test]
fn calls_suppress_it() {
    not_reported("blocking_wakes");
    not_reported("syscall_wakes");
}

/// Plain threads may always wake somebody: no false report while there is one that is not itself blocked in us.
#[test]
fn plain_threads_suppress_it() {
    not_reported("thread_wakes");
    for scene in ["thread_sleeps", "thread_sends_for_ever", "threads_come_and_go"] {
        variants(PLAIN, &[scene], |output| _ = output.ok().never("deadlock"));
    }
}

/// As above, for longer than sysmon's patience grows in one step.
#[test]
fn a_plain_thread_takes_its_time() {
    let output = run(SCENE, &["thread_wakes_late"], &[]).ok();
    assert!(output.took >= ms(2500));
}

/// A deadlock of some while others live is not reported (Go neither).
#[test]
fn partial() {
    not_reported("partial");
}

/// DL-010: every goroutine with its reason, where it is, and where it was started.
#[test]
fn the_report_is_complete() {
    variants(SCENE, &["many_asleep"], |output| {
        let output = output.crashed(&[
            "goroutine 1 [sync.WaitGroup.Wait]:",
            "[chan receive]:",
            "[chan receive (nil chan)]:",
            "[chan send (nil chan)]:",
            "[chan send]:",
            "created by goroutine 1\n\t",
        ]);
        assert_eq!(output.stderr.matches("[chan receive]:").count(), 2, "{output:#?}");
        assert_eq!(output.stderr.matches("created by goroutine 1").count(), 5, "{output:#?}");
    });
    reported("named", &["\"acceptor\" [chan receive]:"]);
}

// DL-011 (N): Rust has no finalizers; a goroutine-local's destructor is an ordinary part of its goroutine.
