//! `defer!`: what it evaluates when, and in which order it runs.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use goconc::prelude::*;
use goconc::sync::WaitGroup;

/// What ran, in order.
#[derive(Clone, Default)]
struct Log(Arc<parking_lot::Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: impl ToString) {
        self.0.lock().push(text.to_string());
    }

    #[track_caller]
    fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.lock(), expected);
    }
}

fn add(log: &Log, text: impl ToString) {
    log.add(text);
}

/// PN-020
#[test]
fn last_first() {
    let log = Log::default();
    {
        defer!(log.add(1));
        defer! { log.add(2) }
        defer!(|| log.add(3));
        defer!([log] { log.add(4) });
        defer!(add(&log, 5));
        log.add("end");
    }
    log.assert(&["end", "5", "4", "3", "2", "1"]);
}

/// PN-021: only those that were reached.
#[test]
fn conditional() {
    fn f(log: &Log, early: bool) {
        defer!(log.add("first"));
        if early {
            defer!(log.add("in the branch"));
            return;
        }
        defer!(log.add("never"));
        unreachable!();
    }
    let log = Log::default();
    f(&log, true);
    log.assert(&["in the branch", "first"]);
}

/// PN-024: a block ends at its own end, in Go at that of the function.
#[test]
fn blocks_and_loops() {
    let log = Log::default();
    {
        defer!(log.add("outer"));
        for i in 0..3 {
            defer!(log.add(format!("deferred {i}")));
            if i == 1 {
                continue;
            }
            log.add(format!("round {i}"));
        }
        let x = {
            defer!(log.add("of the value"));
            5
        };
        log.add(x);
    }
    log.assert(&[
        "round 0",
        "deferred 0",
        "deferred 1",
        "round 2",
        "deferred 2",
        "of the value",
        "5",
        "outer",
    ]);
}

/// PN-022: callee and arguments are evaluated at the statement, once.
#[test]
fn arguments_are_evaluated_now() {
    let log = Log::default();
    {
        let mut n = 1;
        let evaluated = Cell::new(0);
        let next = || {
            evaluated.set(evaluated.get() + 1);
            log.add("evaluated");
            evaluated.get()
        };
        let callee = || {
            log.add("callee");
            |a: i32, b: i32| log.add(a * 10 + b)
        };
        defer!(callee()(n, next()));
        n = 7;
        let names = [String::from("a"), String::from("b")];
        let mut i = 0;
        defer!(add(&log, names[i].clone()));
        defer!(log.add(&names[i]));
        i = 1;
        log.add(format!("{n} {i}"));
        assert_eq!(evaluated.get(), 1);
    }
    log.assert(&["callee", "evaluated", "7 1", "a", "a", "11"]);
}

/// PN-022: a text that is printed is made at the statement. (PN-037 has the output.)
#[test]
fn what_is_printed_is_formatted_now() {
    let n = Cell::new(1);
    let show = || n.get().to_string();
    defer!(print!("{}{}", show(), if n.get() == 1 { "" } else { unreachable!() }));
    n.set(2);
}

/// CH-051
#[test]
fn argument_from_a_channel() {
    let log = Log::default();
    let ch = Chan::with_capacity(2);
    ch.send(1);
    ch.send(2);
    {
        defer!(add(&log, ch.recv().unwrap()));
        log.add(format!("then {}", ch.recv().unwrap()));
    }
    log.assert(&["then 2", "1"]);
}

/// What a call borrows stays usable, and what it takes by value is moved.
#[test]
fn receivers_and_arguments() {
    struct Resource(Log);
    impl Resource {
        fn touch(&self) {
            self.0.add("touch");
        }
        fn change(&mut self) {
            self.0.add("change");
        }
        fn close(self) {
            self.0.add("close");
        }
    }
    struct Owner {
        resource: Resource,
    }
    let log = Log::default();
    {
        let shared = Resource(log.clone());
        defer!(shared.touch());
        shared.touch();
        let mut changed = Resource(log.clone());
        defer!(changed.change());
        let moved = Resource(log.clone());
        defer!(moved.close());
        let mut owner = Owner { resource: Resource(log.clone()) };
        defer!(owner.resource.change());
        let boxed: Box<dyn Fn(&str)> = Box::new(|text| log.add(text));
        defer!(boxed("boxed")); // PN-033: through an interface
        let many = [Resource(log.clone()), Resource(log.clone())];
        let i = many.len() - 1;
        defer!(many[i].touch());
        defer!(Resource::close(Resource(log.clone())));
        let text = String::from("text");
        defer!(drop(text));
    }
    log.assert(&["touch", "close", "touch", "boxed", "change", "close", "change", "touch"]);

    let wg = Arc::new(WaitGroup::new());
    wg.add(1);
    go!([wg] { defer!(wg.done()); });
    wg.wait();
    let ch = Chan::<i32>::new();
    go!([ch] { defer!(ch.close()); assert!(!ch.is_nil()); });
    assert_eq!(ch.recv(), None);
}

/// A block borrows what it names; what is changed in between as well is a `Cell`, or given as a clone.
#[test]
fn borrowing() {
    let mut n = 0;
    {
        defer! { n += 1 }
    }
    assert_eq!(n, 1);
    let cell = Cell::new(1);
    let seen = Cell::new(0);
    {
        defer! { seen.set(cell.get()) }
        cell.set(2);
    }
    assert_eq!(seen.get(), 2);
    let text = String::from("before");
    {
        defer!([text, mut n] { n += 1; assert_eq!((text.as_str(), n), ("before", 2)) });
        drop(text);
        n = 100;
    }
    assert_eq!(n, 100);
    let log = Log::default();
    {
        defer!([log] add(&log, "clone"));
    }
    log.assert(&["clone"]);
}

/// Values are discarded, and `return` in a block is that of the deferred function.
#[test]
fn results() {
    fn important() -> Result<i32, String> {
        Err(String::new())
    }
    let log = Log::default();
    {
        defer!(important());
        defer! { important() }
        defer! {
            log.add("before");
            if log.0.lock().len() == 1 {
                return;
            }
            log.add("never");
        }
    }
    log.assert(&["before"]);
}

/// In arms, closures and other macros.
#[test]
fn anywhere() {
    macro_rules! deferring {
        ($log:ident, $e:expr, $call:expr) => {{
            defer!($call);
            defer! { $log.add($e) }
            $log.add("inside");
        }};
    }
    let log = Log::default();
    let ch = Chan::with_capacity(1);
    ch.send(1);
    select! {
        v = <-ch => { defer!(log.add("arm")); log.add(v.unwrap()); }
    }
    let closure = || {
        defer!(log.add("closure"));
        5
    };
    log.add(closure());
    deferring!(log, "by a macro", log.add("call"));
    {
        defer! {
            defer!(log.add("nested"));
            log.add("nesting");
        }
    }
    log.assert(&["1", "arm", "closure", "5", "inside", "by a macro", "call", "nesting", "nested"]);
}

/// By every way out of a block.
#[test]
fn each_way_out() {
    fn question(log: &Log) -> Option<()> {
        defer!(log.add("?"));
        None?;
        unreachable!()
    }
    let log = Log::default();
    question(&log);
    let panicking = log.clone();
    assert!(
        catch_unwind(AssertUnwindSafe(move || {
            defer!(panicking.add("panic"));
            panic!("on a plain thread")
        }))
        .is_err()
    );
    let exiting = log.clone();
    assert!(
        goconc::spawn(move || {
            defer!(exiting.add("goexit"));
            runtime::goexit()
        })
        .join()
        .is_err()
    );
    'outer: for _ in 0..2 {
        defer!(log.add("loop"));
        for i in 0..2 {
            defer!(log.add("inner"));
            if i == 0 {
                continue;
            }
            break 'outer;
        }
    }
    log.assert(&["?", "panic", "goexit", "inner", "inner", "loop"]);
}

/// PN-023: without a normal end.
#[test]
fn function_that_never_returns() {
    #[goroutine]
    fn never(log: &Log) -> ! {
        defer!(log.add("ran"));
        panic!("always")
    }
    let log = Log::default();
    assert!(catch_unwind(AssertUnwindSafe(|| never(&log))).is_err());
    log.assert(&["ran"]);
}

/// PN-038: what a deferred call owned is dropped when it has run.
#[test]
fn what_was_moved_is_dropped() {
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let dropped = || drops.load(Ordering::Relaxed);
    for panics in [false, true] {
        drops.store(0, Ordering::Relaxed);
        {
            let count = Count(drops.clone());
            defer! { drop(count) }
            let arg = Count(drops.clone());
            defer!(drop(arg));
            assert_eq!(dropped(), 0);
        }
        assert_eq!(dropped(), 2);
        let count = Count(drops.clone());
        let _ = catch_unwind(AssertUnwindSafe(|| {
            defer!(std::convert::identity(count));
            assert!(!panics, "on its way");
        }));
        assert_eq!(dropped(), 3);
    }
}

/// PN-028: what is no function panics when it would run, not at the statement.
#[test]
fn nil_function() {
    let f: Option<fn()> = std::hint::black_box(None);
    let log = Log::default();
    let error = goconc::spawn({
        let log = log.clone();
        move || {
            defer! { f.expect("nil")() }
            log.add("after the statement");
        }
    });
    assert!(error.join().unwrap_err().message().contains("nil"));
    log.assert(&["after the statement"]);
}

/// GO-034: a deferred call has stack to go deep.
#[test]
fn deep_recursion() {
    fn deep(n: usize) -> usize {
        let here = std::hint::black_box([n; 8]);
        if n == 0 { 0 } else { deep(n - 1) + here[n % 8] - n + 1 }
    }
    let join = |f: fn()| goconc::spawn(f).join();
    assert!(
        join(|| {
            defer! { assert_eq!(deep(100), 100) }
            panic!("x")
        })
        .is_err()
    );
    assert!(
        join(|| {
            defer! { assert_eq!(deep(100), 100) }
            runtime::goexit()
        })
        .is_err()
    );
    assert!(
        join(|| {
            defer! { assert_eq!(deep(100), 100) }
        })
        .is_ok()
    );
}

/// A deferred call may wait, while others run on its thread, and sees its own panic all the same.
#[test]
fn parking() {
    let (there, back) = (Chan::new(), Chan::new());
    let mut handles = Vec::new();
    for i in 0..10 {
        let (there, back) = (there.clone(), back.clone());
        handles.push(goconc::spawn(move || {
            let seen = RefCell::new(String::new());
            inner(i, &there, &back, &seen);
            seen.into_inner()
        }));
    }
    #[goroutine]
    fn inner(i: usize, there: &Chan<usize>, back: &Chan<()>, seen: &RefCell<String>) {
        defer! {
            there.send(i);
            back.recv();
            *seen.borrow_mut() = recover().map_or("none".to_owned(), |panic| panic.message().to_owned());
            runtime::gosched();
        }
        if i.is_multiple_of(2) {
            panic!("{i}");
        }
    }
    for _ in 0..10 {
        there.recv();
    }
    back.close();
    for (i, handle) in handles.into_iter().enumerate() {
        let expected = if i.is_multiple_of(2) { i.to_string() } else { "none".to_owned() };
        assert_eq!(handle.join().unwrap(), expected);
    }
}

/// PN-033: large arguments.
#[test]
fn large() {
    let (a, b) = ([1_u64; 1024], [2_u64; 1024]);
    let sum = Cell::new(0);
    {
        let add = |a: [u64; 1024], b: [u64; 1024]| sum.set(a.iter().chain(&b).sum());
        defer!(add(a, b));
    }
    assert_eq!(sum.get(), 3072);
}
