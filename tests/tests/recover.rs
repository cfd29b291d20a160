//! `recover`: which panic ends where.

mod common;

use std::cell::RefCell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;

use common::guarded;
use goconc::Recovered;
use goconc::prelude::*;

type Seen = RefCell<Vec<String>>;

fn message(recovered: Option<Recovered>) -> String {
    recovered.map_or("nothing".to_owned(), |panic| panic.message().to_owned())
}

/// Runs `f` in a frame, and notes what that recovers.
#[goroutine]
fn trial(seen: &Seen, f: impl FnOnce()) {
    defer! { seen.borrow_mut().push(message(recover())) }
    f();
}

/// What `f` has noted, on this thread and on a goroutine.
#[track_caller]
fn both(f: fn(&Seen), expected: &[&str]) {
    let run = move || {
        let seen = Seen::default();
        f(&seen);
        seen.into_inner()
    };
    assert_eq!(run(), expected, "on a plain thread");
    assert_eq!(goconc::run(run), expected, "on a goroutine");
}

fn note(seen: &Seen, what: impl Display) {
    seen.borrow_mut().push(what.to_string());
}

#[test]
fn smoke() {
    both(
        |seen| {
            trial(seen, || panic!("boom"));
            trial(seen, || ());
            trial(seen, || panic!("boom {}", 2));
        },
        &["boom", "nothing", "boom 2"],
    );
}

/// The body of a goroutine is a frame, however it was started.
#[test]
fn bodies_of_goroutines() {
    let ch = Chan::new();
    go!([ch] {
        defer! { ch.send(message(recover())) }
        panic!("block");
    });
    assert_eq!(ch.recv().unwrap(), "block");
    fn function(ch: &Chan<String>) {
        defer! { ch.send(message(recover())) }
        panic!("function without an attribute");
    }
    go!(function(&ch));
    assert_eq!(ch.recv().unwrap(), "function without an attribute");
    let recovering = || {
        defer! { recover(); }
        panic!("x");
    };
    goconc::spawn(recovering).join().unwrap();
    goconc::run(recovering);
    goconc::scope(|s| s.go(recovering));
    let wg = Arc::new(sync::WaitGroup::new());
    wg.go(recovering);
    wg.wait();
    let given = goconc::spawn(|| {
        defer! { recover().unwrap().returning(7) }
        if runtime::num_cpu() > 0 {
            panic!("x")
        }
        1
    });
    assert_eq!(given.join().unwrap(), 7);
    let nothing_given = goconc::spawn(|| -> i32 {
        defer! { recover(); }
        panic!("the cause");
    });
    let error = nothing_given.join().unwrap_err();
    assert!(error.message().contains("the cause") && error.message().contains("returning"), "{error}");
}

/// PN-003, PN-006: what was deferred before runs after the recovery, and may recover a second panic.
#[test]
fn deferred_before() {
    #[goroutine]
    fn f(seen: &Seen) {
        defer! { note(seen, "last"); }
        defer! { note(seen, message(recover())) }
        defer! { note(seen, message(recover())); panic!("second") }
        defer! { note(seen, message(recover())) }
        defer! { note(seen, message(recover())) }
        panic!("first");
    }
    both(f, &["first", "nothing", "nothing", "second", "last"]);
}

/// PN-002, PN-026: each frame its own, also under recursion.
#[test]
fn frames() {
    #[goroutine]
    fn f(seen: &Seen, n: i32) {
        defer! {
            if n % 2 == 0
                && let Some(panic) = recover()
            {
                note(seen, format!("{n} recovers {panic}"));
                if n > 0 {
                    panic!("again {n}");
                }
            }
        }
        if n == 4 {
            panic!("deepest");
        }
        if n < 4 {
            f(seen, n + 1);
            note(seen, format!("{n} goes on"));
        }
    }
    both(|seen| f(seen, 0), &["4 recovers deepest", "2 recovers again 4", "0 recovers again 2"]);
    both(
        |seen| {
            trial(seen, || f(seen, 3));
            f(seen, 5);
        },
        &["4 recovers deepest", "again 4"],
    );
}

/// PN-004, PN-034: a panic inside of a deferred call ends there, and the outer one goes on.
#[test]
fn inside_of_a_deferred_call() {
    #[goroutine]
    fn inner(seen: &Seen, text: &str) {
        defer! { note(seen, message(recover())) }
        if !text.is_empty() {
            panic!("{text}");
        }
    }
    #[goroutine]
    fn f(seen: &Seen) {
        defer! { note(seen, message(recover())) }
        defer! {
            inner(seen, "inner");
            inner(seen, "");
            defer! { inner(seen, "innermost") }
        }
        panic!("outer");
    }
    both(f, &["inner", "nothing", "innermost", "outer"]);
}

/// PN-025: the panic of a deferred call replaces the one that runs it, for good.
#[test]
fn replaced() {
    both(
        |seen| {
            trial(seen, || {
                defer! { panic!("third") }
                defer! { panic!("second") }
                panic!("first")
            });
            trial(seen, || ());
            trial(seen, || {
                defer! { panic!("of a block that has come to its end") }
            });
        },
        &["third", "nothing", "of a block that has come to its end"],
    );
}

/// PN-025, as a value: `join` has the last one, and so has who catches what a frame lets pass.
#[test]
fn replaced_and_joined() {
    #[goroutine]
    fn f() {
        defer! { panic_any(7_u8) }
        panic!("first");
    }
    let line = line!() - 3;
    let error = goconc::spawn(f).join().unwrap_err();
    assert_eq!((error.message(), error.location().unwrap().line()), ("7", line));
    assert_eq!(error.into_payload().downcast_ref::<u8>(), Some(&7));
    assert_eq!(catch_unwind(f).unwrap_err().downcast_ref::<u8>(), Some(&7));
}

/// PN-029: a function with a frame that the deferred call calls is not the deferred call.
#[test]
fn helper() {
    #[goroutine]
    fn helper(seen: &Seen) {
        defer! { let _ = 0; }
        note(seen, message(goconc::recover()));
    }
    both(
        |seen| {
            trial(seen, || {
                defer! { helper(seen) }
                panic!("x")
            })
        },
        &["nothing", "x"],
    );
}

/// PN-033: a function deferred by its name is the deferred call, with or without a frame.
#[test]
fn by_name() {
    fn plain(seen: &Seen) {
        note(seen, message(goconc::recover()));
    }
    #[goroutine]
    fn with_frame(seen: &Seen) {
        defer! { note(seen, message(recover())) }
        note(seen, message(goconc::recover()));
    }
    struct Named<'a>(&'a Seen);
    impl Named<'_> {
        fn method(&self) {
            plain(self.0);
        }
    }
    #[goroutine]
    fn f(seen: &Seen, n: i32) {
        let named = Named(seen);
        match n {
            0 => {
                defer!(plain(seen));
                panic!("0")
            }
            1 => {
                defer!(with_frame(seen));
                panic!("1")
            }
            2 => {
                defer!(named.method());
                panic!("2")
            }
            _ => {
                defer!(<Named<'_>>::method(&named));
                panic!("3")
            }
        }
    }
    both(|seen| (0..4).for_each(|n| f(seen, n)), &["0", "1", "nothing", "2", "3"]);
}

/// PN-030: `recover` itself deferred does nothing, unless a deferred call defers it.
#[test]
fn recover_deferred() {
    both(
        |seen| {
            trial(seen, || {
                defer!(recover());
                defer!(goconc::recover());
                panic!("one");
            });
            trial(seen, || {
                defer! { defer!(recover()); }
                panic!("two");
            });
        },
        &["one", "nothing"],
    );
}

/// PN-031: a deferred call inside of a deferred call recovers only what runs it.
#[test]
fn nested() {
    both(
        |seen| {
            trial(seen, || {
                defer! {
                    defer! { note(seen, message(recover())) }
                }
                panic!("outer");
            });
            trial(seen, || {
                defer! {
                    defer! { note(seen, message(recover())) }
                    panic!("inner");
                }
                panic!("outer");
            });
        },
        &["nothing", "outer", "inner", "outer"],
    );
}

/// Outside of any deferred call, twice, and where nothing can be recovered.
#[test]
fn nothing_to_recover() {
    assert!(goconc::recover().is_none());
    let seen = Seen::default();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        defer! { note(&seen, message(recover())) }
        panic!("no frame on a plain thread");
    }));
    assert!(caught.is_err());
    {
        defer! { note(&seen, message(recover())) }
    }
    goconc::spawn(|| assert!(goconc::recover().is_none())).join().unwrap();
    assert_eq!(seen.into_inner(), ["nothing", "nothing"]);
}

/// PN-009: it gives nothing while `goexit` runs.
#[test]
fn goexit() {
    let ch = Chan::with_capacity(10);
    let body = |ch: Chan<String>| {
        defer! { ch.send(message(recover())) }
        defer! {
            // PN-012: a panic that is recovered leaves the `goexit` going on.
            defer! { ch.send(message(recover())) }
            panic!("inside");
        }
        defer! { ch.send(message(recover())) }
        defer! { panic!("during the goexit") }
        runtime::goexit();
    };
    #[goroutine]
    fn frame(body: fn(Chan<String>), ch: &Chan<String>) {
        defer! { ch.send("frame".to_owned()) }
        body(ch.clone());
        ch.send("unreachable".to_owned());
    }
    for framed in [false, true] {
        let theirs = ch.clone();
        let handle = goconc::spawn(move || {
            if framed {
                frame(body, &theirs);
            } else {
                body(theirs.clone());
            }
            theirs.send("unreachable".to_owned());
        });
        assert!(handle.join().unwrap_err().message().contains("goexit"));
    }
    ch.close();
    let expected = ["during the goexit", "inside", "nothing"];
    let expected = [&expected[..], &expected[..], &["frame"]].concat();
    assert_eq!(ch.iter().collect::<Vec<_>>(), expected);
}

/// PN-010: `goexit` in a deferred call ends the goroutine, and the panic with it.
#[test]
fn goexit_in_a_panic() {
    let handle = goconc::spawn(|| {
        defer! { runtime::goexit() }
        panic!("discarded");
    });
    assert!(handle.join().unwrap_err().message().contains("goexit"));
    let wg = Arc::new(sync::WaitGroup::new());
    wg.go(|| {
        defer! { assert!(recover().is_none()) }
        defer! { runtime::goexit() }
        panic!("discarded");
    });
    wg.wait();
}

/// PN-019: there is no panic without a value. One with an empty value is a panic like any other, and not taken for none.
#[test]
fn empty_values() {
    both(
        |seen| {
            trial(seen, || goconc::panic(()));
            trial(seen, || goconc::panic(None::<i32>));
            trial(seen, || panic!());
        },
        &["()", "None", "explicit panic"],
    );
}

/// PN-015, PN-036: faults of the language and of channels are panics like any other.
#[test]
fn faults() {
    both(
        |seen| {
            let zero = std::hint::black_box(0);
            trial(seen, || _ = 1 / zero);
            trial(seen, || _ = [1, 2][std::hint::black_box(5)]);
            trial(seen, || _ = std::hint::black_box(None::<i32>).unwrap());
            let ch = Chan::with_capacity(1);
            ch.close();
            trial(seen, || ch.send(1));
            trial(seen, || ch.close());
        },
        &[
            "attempt to divide by zero",
            "index out of bounds: the len is 2 but the index is 5",
            "called `Option::unwrap()` on a `None` value",
            "send on closed channel",
            "close of closed channel",
        ],
    );
}

/// Without a hook: `resume_unwind`.
#[test]
fn without_a_message() {
    both(
        |seen| {
            trial(seen, || resume_unwind(Box::new("resumed")));
            trial(seen, || {
                defer! { panic!("replaced") }
                resume_unwind(Box::new("resumed"));
            });
            #[goroutine]
            fn passes() {
                defer! { let _ = 0; }
                resume_unwind(Box::new("with its text"));
            }
            trial(seen, passes);
        },
        &["(a value that was thrown without a message)", "replaced", "with its text"],
    );
}

/// A `catch_unwind` of the program's between has its way, and leaves nothing behind.
#[test]
fn caught_between() {
    both(
        |seen| {
            trial(seen, || {
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    defer! { note(seen, message(recover())) }
                    panic!("caught");
                }));
                note(seen, caught.is_err());
                defer! { note(seen, message(recover())) }
            });
            trial(seen, || {
                _ = catch_unwind(|| {
                    defer! { panic!("replaced, and lost") }
                    panic!("caught")
                });
                panic!("fresh");
            });
        },
        &["caught", "true", "nothing", "nothing", "fresh"],
    );
}

/// A panic that a destructor raises and catches while another one unwinds is not that one.
#[test]
fn beside_a_destructor() {
    struct Busy<'a>(&'a Seen);
    impl Drop for Busy<'_> {
        fn drop(&mut self) {
            trial(self.0, || panic!("of the destructor"));
            trial(self.0, || ());
        }
    }
    both(
        |seen| {
            trial(seen, || {
                let _busy = Busy(seen);
                panic!("outer");
            })
        },
        &["of the destructor", "nothing", "outer"],
    );
}

/// PN-027, PN-039: many, one after the other and on top of one another.
#[test]
fn many() {
    #[goroutine]
    fn again(n: u32) {
        defer! {
            if let Some(panic) = recover() {
                panic!("{}", panic.message().parse::<u32>().unwrap() + n);
            }
        }
        panic!("{n}");
    }
    /// Each level recovers, and panics again.
    #[goroutine]
    fn levels(n: u32) {
        defer! {
            if let Some(panic) = recover() {
                panic!("{}", panic.message().parse::<u32>().unwrap() + 1);
            }
        }
        if n == 0 {
            panic!("0")
        }
        levels(n - 1);
    }
    guarded("many panics", || {
        let quiet = || {
            let seen = Seen::default();
            let many = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
            for n in 0..many {
                trial(&seen, || again(n));
            }
            assert_eq!(*seen.borrow().last().unwrap(), (2 * (many - 1)).to_string());
            trial(&seen, || levels(40));
            assert_eq!(seen.borrow().last().unwrap(), "41");
        };
        goconc::run(quiet);
    });
}

/// The value of a panic that nobody needs any more may panic itself when it is dropped.
#[test]
fn values_that_panic_when_dropped() {
    #[derive(Debug)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("of the value");
        }
    }
    let handle = goconc::spawn(|| {
        let seen = Seen::default();
        trial(&seen, || {
            defer! { panic!("second") }
            panic_any(Bomb);
        });
        seen.into_inner()
    });
    assert_eq!(handle.join().unwrap(), ["second"]);
}
