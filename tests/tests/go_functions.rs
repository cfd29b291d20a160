//! `#[goroutine]` on every kind of function: what it adds, and what it leaves as it is.

use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::panic::Location;
use std::sync::Arc;

use goconc::chan::Send;
use goconc::prelude::*;

/// All that converts to a side: the channel, a reference to it, the side itself, a reference to that.
#[test]
fn what_converts() {
    #[goroutine]
    fn relay(input: Recv<i32>, output: Send<i32>) {
        output.send(input.recv_or_default() + 1);
    }
    let (a, b) = (Chan::with_capacity(1), Chan::with_capacity(1));
    let count = |start: &dyn Fn()| {
        a.send(1);
        start();
        assert_eq!(b.recv(), Some(2));
    };
    count(&|| relay(&a, &b));
    count(&|| relay(a.clone(), b.clone()));
    count(&|| relay(a.receiver(), b.sender()));
    let (rx, tx) = (a.receiver(), b.sender());
    count(&|| relay(&rx, &tx));
    count(&|| go!(relay(&a, &b)));
    count(&|| go!(relay(a.receiver(), &b.sender())));
    let (a_again, b_again) = (&a, &b);
    count(&|| go!(relay(a_again, b_again)));
}

/// Any path in front, any pattern, and types that only look like a side.
#[test]
fn how_parameters_are_written() {
    struct Pair<T>(Recv<T>, T);

    #[goroutine]
    fn sum(
        mut first: chan::Recv<i32>,
        second: goconc::Recv<i32>,
        _: goconc::chan::Send<i32>,
        Pair(third, start): Pair<i32>,
        optional: Option<Recv<i32>>,
        borrowed: &Recv<i32>,
        #[cfg(any())] missing: Recv<i32>,
        #[cfg(not(any()))] kept: Recv<i32>,
    ) -> i32 {
        let mut sum = start + first.recv_or_default();
        first = second;
        sum += first.recv_or_default() + third.recv_or_default() + kept.recv_or_default();
        sum + optional.map_or(0, |ch| ch.recv_or_default()) + borrowed.recv_or_default()
    }
    let ch = Chan::with_capacity(8);
    (0..6).for_each(|n| ch.send(1 << n));
    assert_eq!(sum(&ch, &ch, &ch, Pair(ch.receiver(), 64), Some(ch.receiver()), &ch.receiver(), &ch), 127);
}

/// Generic over types, constants and lifetimes, with a `where` clause.
#[test]
fn generics() {
    #[goroutine]
    fn join<'a, T, const N: usize>(words: Recv<&'a T>, ends: [T; N], into: Send<Cow<'a, str>>) -> &'a str
    where
        T: Display + 'a,
        [T; N]: Debug,
    {
        words.into_iter().for_each(|word| into.send(word.to_string().into()));
        into.send(format!("{ends:?}").into());
        "done"
    }
    let owner = String::from("a");
    let (words, into) = (Chan::with_capacity(2), Chan::with_capacity(3));
    words.send(&owner);
    words.close();
    assert_eq!(join(&words, [owner.clone(), String::from("z")], &into), "done");
    assert_eq!((into.recv(), into.recv()), (Some("a".into()), Some("[\"a\", \"z\"]".into())));

    #[goroutine]
    fn each(numbers: Recv<u8>, mut f: impl FnMut(u8)) -> impl Iterator<Item = usize> {
        numbers.iter().for_each(&mut f);
        0..3
    }
    let numbers = Chan::with_capacity(1);
    numbers.send(4);
    numbers.close();
    let mut seen = 0;
    assert_eq!(each(&numbers, |n| seen += n).count(), 3);
    assert_eq!(seen, 4);
}

/// Lifetimes that are left out, as in any other function: in its own right, in a trait, and with what comes back borrowed.
#[test]
fn elided_lifetimes() {
    #[goroutine]
    fn lengths(words: Recv<&str>, out: Send<Cow<'_, str>>) -> usize {
        words.iter().inspect(|word| out.send(word.to_uppercase().into())).map(str::len).sum()
    }
    trait Longest {
        #[goroutine]
        fn longest<'a>(&self, words: Recv<&'a str>) -> &'a str;
        #[goroutine]
        fn name(&self, words: Recv<&str>) -> &str;
    }
    impl Longest for String {
        #[goroutine]
        fn longest<'a>(&self, words: Recv<&'a str>) -> &'a str {
            words.iter().max_by_key(|word| word.len()).unwrap_or_default()
        }

        #[goroutine]
        fn name(&self, words: Recv<&str>) -> &str {
            goconc::defer!(assert!(words.is_empty()));
            self
        }
    }

    let owner = String::from("a bc def");
    let words = || {
        let words = Chan::with_capacity(3);
        owner.split(' ').for_each(|word| words.send(word));
        words.close();
        words
    };
    let out = Chan::with_capacity(3);
    assert_eq!(lengths(words(), &out), 6);
    assert_eq!(out.try_iter().collect::<String>(), "ABCDEF");
    assert_eq!(owner.longest(words()), "def");
    assert_eq!(owner.name(Chan::nil()), owner);

    let (words, done) = (Chan::new(), Chan::with_capacity(1));
    go!(lengths(&words, &done));
    words.send("static");
    words.close();
    assert_eq!(done.recv().as_deref(), Some("STATIC"));
}

/// In an `impl` and in a trait, with and without a body there.
#[test]
fn methods_and_traits() {
    trait Stage<T> {
        const STEP: T;

        #[goroutine]
        fn run(&self, input: Recv<T>, output: Send<T>);

        #[goroutine]
        fn run_twice(&self, input: Recv<T>, output: Send<T>) {
            self.run(&input, &output);
            self.run(&input, &output);
        }
    }

    #[derive(Clone)]
    struct Add(i32);

    impl Add {
        #[goroutine]
        pub(crate) fn once(self: Arc<Self>, input: Recv<i32>) -> Option<i32> {
            input.recv().map(|n| n + self.0)
        }

        #[goroutine]
        fn new(from: Recv<i32>) -> Self {
            Self(from.recv_or_default())
        }
    }

    impl Stage<i32> for Add {
        const STEP: i32 = 1;

        #[goroutine]
        fn run(&self, input: Recv<i32>, output: Send<i32>) {
            output.send(input.recv_or_default() + self.0 + Self::STEP);
        }
    }

    let (input, output) = (Chan::with_capacity(4), Chan::with_capacity(4));
    (0..4).for_each(|n| input.send(10 * n));
    let add = Arc::new(Add::new(&input));
    assert_eq!(Arc::clone(&add).once(&input), Some(10));
    go!(add.run_twice(&input, &output));
    assert_eq!((output.recv(), output.recv()), (Some(21), Some(31)));
}

/// The attribute stands on a test, among others.
#[test]
#[goroutine]
#[should_panic(expected = "kept")]
fn a_test_itself() {
    panic!("kept");
}

mod inner {
    use super::*;

    pub(super) struct Counter;

    impl Counter {
        /// Where it was called.
        #[goroutine]
        #[track_caller]
        #[must_use]
        #[inline(never)]
        pub(super) fn caller(&self, _ignored: Recv<()>) -> &'static Location<'static> {
            Location::caller()
        }
    }

    #[goroutine]
    #[expect(unsafe_code, reason = "it is `unsafe` itself")]
    pub(super) unsafe fn first(of: *const i32, into: Send<i32>) {
        #![allow(clippy::needless_return, reason = "an attribute inside")]
        // SAFETY: that of the caller.
        into.send(unsafe { *of });
        return;
    }
}

/// Attributes outside and inside, visibility, `unsafe`.
#[test]
#[expect(unsafe_code, reason = "it tests an `unsafe fn`")]
fn the_rest_stays() {
    assert_eq!(inner::Counter.caller(Chan::nil()).line(), line!());
    let (number, into) = (7, Chan::with_capacity(1));
    // SAFETY: it points to a local.
    unsafe { inner::first(&raw const number, &into) };
    assert_eq!(into.recv(), Some(7));
}

/// A function that calls itself, directly and by `go!`.
#[test]
fn recursion() {
    #[goroutine]
    fn sum(of: std::ops::Range<u64>, into: Send<u64>) {
        let middle = of.start.midpoint(of.end);
        if of.end - of.start == 1 {
            return into.send(of.start);
        }
        let halves = Chan::new();
        go!(sum(of.start..middle, halves.sender()));
        go!(sum(middle..of.end, &halves.sender()));
        into.send(halves.iter().take(2).sum());
    }
    let result = Chan::new();
    go!(sum(0..100, &result.sender()));
    assert_eq!(result.recv(), Some(4950));
}
