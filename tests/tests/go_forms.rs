//! `go!`: every form it takes, and what of it the caller evaluates.

use std::num::ParseIntError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use goconc::prelude::*;

/// Remembers who evaluated what: the caller, which is a plain thread here, or a goroutine.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(&'static str, bool)>>>);

impl Log {
    /// Remembers `what`, and gives `value`.
    fn note<T>(&self, what: &'static str, value: T) -> T {
        self.0.lock().unwrap().push((what, runtime::goroutine_id().is_some()));
        value
    }

    /// What was noted: in the caller, then in goroutines.
    fn seen(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let seen = self.0.lock().unwrap();
        let of = |goroutine| seen.iter().filter(|(_, by)| *by == goroutine).map(|(what, _)| *what).collect();
        (of(false), of(true))
    }
}

struct Server {
    log: Log,
    done: Chan<u32>,
}

impl Server {
    fn new() -> Arc<Self> {
        Arc::new(Server { log: Log::default(), done: Chan::new() })
    }

    fn this(self: &Arc<Self>) -> &Arc<Self> {
        self.log.note("this", self)
    }

    fn add(self: &Arc<Self>, a: u32, b: u32) -> u32 {
        self.log.note("add", ());
        self.done.send(a + b);
        a + b
    }

    fn sum<T: Into<u32>, const N: usize>(&self, numbers: [T; N]) {
        self.done.send(numbers.into_iter().map(Into::into).sum());
    }

    fn start(self: &Arc<Self>) {
        go!(self.add(1, 2));
        assert_eq!(self.done.recv(), Some(3));
        let this = self;
        go!([this] { this.add(1, 3) });
        assert_eq!(self.done.recv(), Some(4));
    }
}

/// GO-001
#[test]
fn order_of_a_method_call() {
    let server = Server::new();
    go!(server.this().this().add(server.log.note("a", 1), server.log.note("b", 2)));
    assert_eq!(server.done.recv(), Some(3));
    assert_eq!(server.log.seen(), (vec!["this", "this", "a", "b"], vec!["add"]));
}

/// GO-001: options, then the capture list, then the call.
#[test]
fn order_of_all_parts() {
    struct Noisy(Log);
    impl Clone for Noisy {
        fn clone(&self) -> Self {
            Noisy(self.0.note("clone", self.0.clone()))
        }
    }
    let (log, done) = (Log::default(), Chan::new());
    let noisy = Noisy(log.clone());
    let callee = |noisy: Noisy, done: &Chan<()>| {
        noisy.0.note("call", ());
        done.send(());
    };
    go!(
        stack_size = log.note("size", "256 KiB"),
        name = log.note("name", "worker"),
        [noisy] log.note("callee", callee)(log.note("argument", noisy), &done)
    );
    done.recv();
    assert_eq!(log.seen(), (vec!["size", "name", "clone", "callee", "argument"], vec!["call"]));
    assert_eq!(noisy.0.seen().1, ["call"]);
}

/// A call in braces is a block, also over several lines, with a comment in front, and behind an option or a list.
#[test]
fn braces_evaluate_in_the_goroutine() {
    let (log, done) = (Log::default(), Chan::<u32>::new());
    let (theirs, there) = (log.clone(), done.clone());
    go! { there.send(theirs.note("braces", 1)) }
    done.recv();
    let (theirs, there) = (log.clone(), done.clone());
    goconc::go! {
        // a (comment) {
        there.send(theirs.note("lines", 1)) /* and another */
    }
    done.recv();
    go!([log, done] { done.send(log.note("block", 1)) });
    done.recv();
    assert_eq!(log.seen(), (vec![], vec!["braces", "lines", "block"]));
    go!(done.clone().send(log.note("parentheses", 1)));
    go![done.clone().send(log.note("brackets", 1))];
    go!(
        // a comment {
        done.clone().send(log.note("lines", 1))
    );
    go! { name = "x", [done] done.send(log.note("option", 1)) }
    (0..4).for_each(|_| _ = done.recv());
    assert_eq!(log.seen().0, ["parentheses", "brackets", "lines", "option"]);
}

/// Whoever passes tokens on by a `macro_rules!` passes on how they were written.
#[test]
fn through_other_macros() {
    macro_rules! spawn {
        ($($tokens:tt)*) => { go!($($tokens)*) };
    }
    macro_rules! send_in_goroutine {
        ($send:ident, $value:expr) => {
            go! { $send($value) }
        };
        (block $call:expr) => {
            go!({ $call })
        };
        (now $send:ident $value:expr) => {
            go!($send($value))
        };
        ($value:expr) => {
            go!($value)
        };
    }
    let (log, done) = (Log::default(), Chan::<u32>::new());
    let sender = || {
        let done = done.clone();
        move |value| done.send(value)
    };
    let logs = || log.clone();
    let (send, theirs) = (sender(), logs());
    spawn! { send(theirs.note("1", 1)) }
    let (send, theirs) = (sender(), logs());
    send_in_goroutine!(send, theirs.note("2", 1));
    let (send, theirs) = (sender(), logs());
    send_in_goroutine!(block send(theirs.note("3", 1)));
    (0..3).for_each(|_| _ = done.recv());
    assert_eq!(log.seen().0, [""; 0]);

    let (send, theirs) = (sender(), logs());
    spawn!(send(theirs.note("4", 1)));
    let (send, theirs) = (sender(), logs());
    send_in_goroutine!(now send theirs.note("5", 1));
    let (send, theirs) = (sender(), logs());
    send_in_goroutine!(send(theirs.note("6", 1)));
    assert_eq!(log.seen().0, ["4", "5", "6"]);
    (0..3).for_each(|_| _ = done.recv());
}

#[test]
fn self_and_turbofish() {
    let server = Server::new();
    server.start_all();
    go!([server] server.sum::<u8, 3>([1, 2, 3]));
    assert_eq!(server.done.recv(), Some(6));
    go!(Server::sum::<u16, 2>(&server, [4, 5]));
    assert_eq!(server.done.recv(), Some(9));
    fn store<T: Default + Send + 'static>(into: &Chan<T>) {
        into.send(T::default());
    }
    let text = Chan::new();
    go!(store::<String>(&text));
    assert_eq!(text.recv().as_deref(), Some(""));
}

impl Server {
    fn start_all(self: &Arc<Self>) {
        self.start();
        let this = self;
        go!(this.this().add(5, 6));
        assert_eq!(self.done.recv(), Some(11));
    }
}

/// In an argument it is the caller's; a block has its own.
#[test]
fn question_mark_and_return() {
    fn start(text: &str, done: &Chan<i32>) -> Result<(), ParseIntError> {
        go!(done.clone().send(text.parse()?));
        Ok(())
    }
    let done = Chan::new();
    assert!(start("x", &done).is_err());
    assert!(start("5", &done).is_ok());
    assert_eq!(done.recv(), Some(5));
    go!([done] {
        if done.cap() == 0 {
            done.send(6);
            return;
        }
        done.send(7);
    });
    assert_eq!(done.recv(), Some(6));
    go!([done] || -> Result<(), ParseIntError> {
        done.send("8".parse()?);
        done.send("x".parse()?);
        Ok(())
    });
    assert_eq!(done.recv(), Some(8));
}

#[test]
fn closures_with_arguments() {
    let done = Chan::new();
    go!((|a, b, done: &Chan<i32>| done.send(a + b))(1, 2, &done));
    assert_eq!(done.recv(), Some(3));
    fn map(input: Vec<i32>, f: impl Fn(i32) -> i32, done: &Chan<i32>) {
        input.into_iter().for_each(|n| done.send(f(n)));
    }
    let factor = 10;
    go!(map(vec![1, 2], |n| n * factor, &done));
    assert_eq!((done.recv(), done.recv()), (Some(10), Some(20)));
}

#[test]
fn macros_and_control_flow() {
    let done = Chan::new();
    macro_rules! twice {
        ($e:expr) => {
            $e * 2
        };
    }
    go!(done.clone().send(twice!(4)));
    assert_eq!(done.recv(), Some(8));
    go!([done] for n in [1, 2] {
        done.send(n);
    });
    assert_eq!((done.recv(), done.recv()), (Some(1), Some(2)));
    go!([done] if done.cap() == 0 { done.send(3) } else { done.send(4) });
    assert_eq!(done.recv(), Some(3));
    go!([done] match done.cap() {
        0 => done.send(5),
        _ => done.close(),
    });
    assert_eq!(done.recv(), Some(5));
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    go!(assert_eq!(RUNS.fetch_add(1, Ordering::Relaxed), 0));
    while RUNS.load(Ordering::Relaxed) == 0 {
        runtime::gosched();
    }
}

/// The names in an expansion are nobody's.
#[test]
fn hygiene() {
    let done = Chan::new();
    let (arg0, arg1, receiver, callee, options, held) = (1, 2, 3, 4, 5, 6);
    let sum = |numbers: [i32; 6], done: &Chan<i32>| done.send(numbers.iter().sum());
    go!(name = "sum", sum([arg0, arg1, receiver, callee, options, held], &done));
    assert_eq!(done.recv(), Some(21));
    go!(name = "block", [done] { done.send(arg0 + arg1 + receiver + callee + options + held) });
    assert_eq!(done.recv(), Some(21));
}

/// A capture list clones as `.clone()` does.
#[test]
fn capture_lists() {
    #[derive(Clone)]
    struct Number(u32);
    let (done, number) = (Chan::new(), Number(5));
    let (reference, mut counter): (&Number, u32) = (&number, 1);
    let text: &'static str = "static";
    go!([done, reference, mut counter, text] {
        counter += reference.0;
        done.send((counter, text));
    });
    counter += 10;
    assert_eq!((done.recv(), counter, reference.0), (Some((6, "static")), 11, 5));
}
