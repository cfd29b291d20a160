//! What is printed when a panic meets deferred calls: `recovery NAME`. Run by the tests.

use std::fmt;

use goconc::prelude::*;

const SCENES: &[(&str, fn())] = &[
    ("recovered_then_fresh", recovered_then_fresh),
    ("recovered_inside", recovered_inside),
    ("panic_after_recover", panic_after_recover),
    ("second_recovered", second_recovered),
    ("repanicked", repanicked),
    ("repanicked_twice", repanicked_twice),
    ("repanicked_middle", repanicked_middle),
    ("sandwich", sandwich),
    ("chain", chain),
    ("long_chain", long_chain),
    ("aborted", aborted),
    ("after_goexit", after_goexit),
    ("goexit_in_panic", goexit_in_panic),
    ("recovered_in_goexit", recovered_in_goexit),
    ("value", || goconc::panic(MyInt(42))),
    ("value_text", || goconc::panic("a text".to_owned())),
    ("value_that_parks", || goconc::panic(Parks)),
    ("value_that_panics", || goconc::panic(Panics)),
    ("main_recovers", main_recovers),
    ("main_recovers_in_a_helper", main_recovers_in_a_helper),
    ("printed_now", printed_now),
    ("exit", || {
        defer! { println!("never") }
        std::process::exit(7)
    }),
    ("replaced_in_join", replaced_in_join),
    ("every_panic_in_a_goroutine", every_panic_in_a_goroutine),
    ("no_value", no_value),
    ("beside_another", beside_another),
];

#[goroutine]
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match SCENES.iter().find(|(known, _)| *known == name) {
        Some((_, scene)) => scene(),
        None => println!("scenes: {:?}", SCENES.iter().map(|(name, _)| name).collect::<Vec<_>>()),
    }
}

#[derive(Debug)]
struct MyInt(#[expect(dead_code, reason = "it is printed")] i32);

struct Parks;
impl fmt::Debug for Parks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ch = Chan::new();
        go!([ch] ch.send("parked"));
        runtime::gosched();
        f.write_str(ch.recv().unwrap_or_default())
    }
}

struct Panics;
impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in its Debug");
    }
}

#[goroutine]
fn wrap() {
    defer! {
        if let Some(panic) = recover() {
            panic!("wrapped: {panic}");
        }
    }
    panic!("bad");
}

fn recovered_then_fresh() {
    #[goroutine]
    fn outer() {
        defer! { println!("{}", recover().unwrap()) }
        wrap();
    }
    outer();
    panic!("fresh");
}

#[goroutine]
fn quiet() {
    defer! { println!("{}", recover().unwrap()) }
    panic!("second panic");
}

fn recovered_inside() {
    defer! { quiet() }
    panic!("first panic");
}

fn panic_after_recover() {
    defer! {
        println!("{}", recover().unwrap());
        panic!("second panic");
    }
    panic!("first panic");
}

fn second_recovered() {
    defer! {
        println!("{}", recover().unwrap());
        panic!("third panic");
    }
    defer! {
        println!("{}", recover().unwrap());
        panic!("second panic");
    }
    panic!("first panic");
}

#[goroutine]
fn again() {
    defer! {
        let panic = recover().unwrap();
        panic!("{panic}");
    }
    panic!("message");
}

fn repanicked() {
    again();
}

fn repanicked_twice() {
    defer! {
        let panic = recover().unwrap();
        panic!("{panic}");
    }
    again();
}

fn repanicked_middle() {
    defer! {
        recover();
        panic!("outer");
    }
    defer! {
        let panic = recover().unwrap();
        panic!("{panic}");
    }
    defer! {
        recover();
        panic!("middle");
    }
    panic!("inner");
}

fn sandwich() {
    defer! {
        recover();
        panic!("outer");
    }
    defer! {
        let panic = recover().unwrap();
        panic!("{panic}");
    }
    defer! {
        recover();
        panic!("inner");
    }
    panic!("outer");
}

fn chain() {
    defer! { panic!("three\nlines") }
    defer! { panic!("two") }
    panic!("one");
}

fn long_chain() {
    fn level(n: u32) {
        defer! { panic!("level {n}") }
        if n > 0 {
            level(n - 1);
        }
    }
    level(200);
}

fn aborted() {
    #[goroutine]
    fn inner() {
        defer! { println!("{}", recover().unwrap()) }
        defer! { panic!("second") }
        panic!("first, never seen again");
    }
    inner();
    panic!("last");
}

fn after_goexit() {
    go! {
        defer! { panic!("hello") }
        runtime::goexit();
    }
    Chan::<()>::new().recv();
}

fn goexit_in_panic() {
    go! {
        defer! { runtime::goexit() }
        panic!("hello");
    }
    runtime::goexit();
}

fn recovered_in_goexit() {
    go! {
        defer! { println!("{}", recover().is_none()) }
        defer! { println!("{}", recover().unwrap()) }
        defer! { panic!("hello") }
        runtime::goexit();
    }
    runtime::goexit();
}

fn main_recovers() {
    defer! { recover(); }
    panic!("x");
}

fn main_recovers_in_a_helper() {
    fn helper() {
        defer! { println!("{}", recover().unwrap()) }
        panic!("x");
    }
    helper();
    println!("not reached: a helper without the attribute is no frame");
}

fn printed_now() {
    let mut n = 1;
    defer!(println!("deferred {n}"));
    defer!(print!("{} ", n + 1));
    n = 10;
    println!("now {n}");
}

fn replaced_in_join() {
    let error = goconc::spawn(|| {
        defer! { panic!("second") }
        panic!("first");
    });
    println!("{}", error.join().unwrap_err());
}

fn every_panic_in_a_goroutine() {
    go! {
        defer! { println!("{}", recover().unwrap()) }
        panic!("recovered");
    }
    go! {
        defer! { println!("deferred") }
        time::sleep(std::time::Duration::from_millis(20));
        panic!("not recovered");
    }
    Chan::<()>::new().recv();
}

fn no_value() {
    struct Opaque;
    #[goroutine]
    fn f() -> Opaque {
        defer! { recover(); }
        panic!("the cause");
    }
    f();
}

/// One parks while it unwinds; the deferred calls of the others on its thread are not run by its panic.
fn beside_another() {
    let (first, second, wait, done) = (Chan::new(), Chan::new(), Chan::<()>::new(), Chan::<String>::new());
    go!([first, second, done] {
        defer! { done.send(format!("{:?}", recover().map(|panic| panic.message().to_owned()))) }
        defer! {
            first.send(());
            second.recv(); // the other one begins to unwind
        }
    });
    go!([first, second, wait, done] {
        defer! { done.send(format!("{}", recover().unwrap())) }
        defer! {
            second.send(());
            wait.recv();
        }
        first.recv();
        panic!("its own");
    });
    println!("{}", done.recv().unwrap());
    go!([done] {
        #[goroutine]
        fn normal() {
            defer! { assert!(recover().is_none()) }
            defer! { println!("{}", recover().unwrap()) }
            defer! { panic!("at the end of a block") }
        }
        normal();
        done.send("normal".to_owned());
    });
    println!("{}", done.recv().unwrap());
    wait.close();
    println!("{}", done.recv().unwrap());
}
