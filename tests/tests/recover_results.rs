//! `recover`: what the function returns, and what is known of the panic.

mod common;

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::panic::panic_any;

use goconc::prelude::*;
use goconc::{PanicLocation, Recovered};

#[goroutine]
fn zero() -> (i32, String, Option<u8>) {
    defer! { recover(); }
    panic!("x")
}

#[goroutine]
fn given(n: i32) -> Result<i32, String> {
    defer! {
        if let Some(panic) = recover() {
            panic.returning(Ok::<i32, String>(1));
            panic.returning(Err::<i32, _>(panic.message().to_owned()));
        }
    }
    if n == 0 {
        panic!("zero")
    }
    Ok(n)
}

#[goroutine]
fn wrong_type() -> i64 {
    defer! { recover().unwrap().returning(5_i32) }
    panic!("x")
}

struct Opaque;

#[goroutine]
fn no_value() -> Opaque {
    defer! { recover(); }
    panic!("the cause")
}

#[goroutine]
fn borrows<'a>(text: &'a mut str, n: usize) -> Option<&'a mut str> {
    defer! { recover(); }
    text.get_mut(..=n).or_else(|| panic!("{n}"))
}

#[goroutine]
fn iterator(n: u32) -> impl Iterator<Item = u32> {
    defer! { recover(); }
    0..n
}

#[goroutine]
fn nested_opaque(n: u32) -> Result<impl Iterator<Item = u32>, std::num::TryFromIntError> {
    defer! { recover(); }
    let n = u8::try_from(n)?;
    Ok(0..u32::from(n))
}

#[goroutine]
fn boxed(n: i32) -> Box<dyn Display> {
    defer! { recover(); }
    if n == 0 {
        return Box::new("zero");
    }
    Box::new(n)
}

#[goroutine]
fn generic<T, const N: usize>(value: &[T; N]) -> T
where
    T: Default + Clone,
{
    defer! { recover(); }
    value[N - 1].clone()
}

/// PN-032: what was given, or the zero value.
#[test]
fn results() {
    assert_eq!(zero(), (0, String::new(), None));
    assert_eq!(given(5), Ok(5));
    assert_eq!(given(0), Err("zero".to_owned()));
    let text = common::panic_text(|| _ = wrong_type());
    assert!(text.contains("`i32`") && text.contains("`i64`"), "{text}");
    let text = common::panic_text(|| _ = no_value());
    assert!(text.contains("the cause") && text.contains("Opaque") && text.contains("returning"), "{text}");
    let mut text = "abc".to_owned();
    borrows(&mut text, 1).unwrap().make_ascii_uppercase();
    assert_eq!(borrows(&mut text, 9), None);
    assert_eq!(text, "ABc");
    assert_eq!(iterator(4).sum::<u32>(), 6);
    assert_eq!(nested_opaque(4).unwrap().sum::<u32>(), 6);
    assert!(nested_opaque(400).is_err());
    assert_eq!((boxed(0).to_string(), boxed(1).to_string()), ("zero".into(), "1".into()));
    assert_eq!((generic(&[1, 2]), generic::<i32, 0>(&[])), (2, 0));
}

/// PN-035: what was stored last is what is seen.
#[test]
fn latest_stores() {
    #[goroutine]
    fn f(n: &mut i32) {
        defer! { recover(); }
        *n = 1;
        *n = std::hint::black_box(2);
        panic!("x");
    }
    let mut n = 0;
    f(&mut n);
    assert_eq!(n, 2);
}

/// Through a variable, for a type that cannot be given.
#[test]
fn by_a_variable() {
    #[goroutine]
    fn first<'a>(text: &'a str, out: &Cell<&'a str>) {
        defer! { if recover().is_some() { out.set(text) } }
        out.set(&text[..text.len() - 10]);
    }
    let out = Cell::new("");
    first("short", &out);
    assert_eq!(out.get(), "short");
}

/// Methods, with each kind of receiver.
#[test]
fn methods() {
    #[derive(Default)]
    struct Counter(i32);
    trait Step {
        fn step(&mut self) -> i32;
    }
    impl Counter {
        #[goroutine]
        fn peek(&self) -> i32 {
            defer! { recover(); }
            assert!(self.0 < 2);
            self.0
        }

        #[goroutine]
        fn into_inner(mut self) -> i32 {
            defer! { recover(); }
            self.0 += 1;
            self.0
        }
    }
    impl Step for Counter {
        #[goroutine]
        fn step(&mut self) -> i32 {
            defer! { recover(); }
            self.0 += 1;
            assert!(self.0 < 2);
            self.0
        }
    }
    let mut counter = Counter::default();
    assert_eq!((counter.step(), counter.peek(), counter.step(), counter.peek()), (1, 1, 0, 0));
    assert_eq!(counter.into_inner(), 3);
}

/// What is known of a panic.
#[test]
fn what_it_gives() {
    #[derive(Debug, PartialEq)]
    struct Custom(String);
    #[goroutine]
    fn f(check: fn(Recovered), panic: fn() -> ()) {
        defer! { check(recover().unwrap()) }
        panic();
    }
    f(|panic| assert_eq!(panic.downcast::<&'static str>().unwrap(), "text"), || panic!("text"));
    f(
        |panic| assert_eq!(panic.downcast::<String>().unwrap(), "1 2"),
        || panic!("{} 2", std::hint::black_box(1)),
    );
    f(|panic| assert_eq!(panic.downcast::<i32>().unwrap(), 42), || panic_any(42));
    f(|panic| assert_eq!(panic.downcast_ref::<char>(), Some(&'c')), || panic_any('c'));
    f(
        |panic| {
            assert!(!panic.is::<String>() && panic.is::<Custom>());
            let panic = panic.downcast::<String>().unwrap_err();
            assert_eq!(panic.message(), "Custom(\"own\")");
            assert_eq!(panic.downcast::<Custom>().unwrap(), Custom("own".to_owned()));
        },
        || goconc::panic(Custom("own".to_owned())),
    );
    let line = line!() + 3;
    thread_local!(static AT: RefCell<Option<PanicLocation>> = const { RefCell::new(None) });
    let check = |panic: Recovered| AT.set(panic.location().cloned());
    f(check, || panic!("here"));
    assert_eq!(AT.take().unwrap().line(), line);
}

/// `if e, ok := r.(Custom); ok { err = e } else { panic(r) }`: the value becomes the result, and what is of another type goes on
/// as it was, with its text and its value.
#[test]
fn taken_or_thrown_again() {
    #[derive(Debug, PartialEq)]
    struct Custom(u8);
    #[goroutine]
    fn only_custom(panic: fn()) -> Result<(), Custom> {
        defer! {
            let Some(mut panic) = recover() else { return };
            match panic.take::<Custom>() {
                Some(custom) => panic.returning(Err::<(), _>(custom)),
                None => goconc::panic(panic),
            }
        }
        panic();
        Ok(())
    }
    assert_eq!(only_custom(|| ()), Ok(()));
    assert_eq!(only_custom(|| goconc::panic(Custom(1))), Err(Custom(1)));
    let again = |panic| goconc::spawn(move || only_custom(panic)).join().unwrap_err();
    let error = again(|| goconc::panic(vec![1]));
    assert_eq!((error.to_string().as_str(), error.into_payload().downcast_ref()), ("[1]", Some(&vec![1])));
    let error = again(|| panic!("text"));
    assert_eq!((error.to_string().as_str(), error.into_payload().downcast_ref()), ("text", Some(&"text")));
    struct Opaque;
    assert_eq!(again(|| panic_any(Opaque)).message(), "(a value that is not a string)");
}

/// Whatever can stand in a signature.
mod signatures {
    #![deny(warnings, clippy::all)]

    use super::*;

    /// A method's frame keeps `Self`, lifetimes, patterns and attributes.
    struct Pair<'a, T>(&'a T, Vec<T>);

    impl<'a, T: Clone + PartialEq> Pair<'a, T> {
        #[goroutine]
        #[inline(always)]
        #[must_use]
        fn new(first: &'a T, (rest, extra): (Vec<T>, Option<T>)) -> Option<Self> {
            defer! { recover(); }
            let mut pair = Self(first, rest);
            pair.1.push(extra?);
            Some(pair)
        }

        #[goroutine]
        fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<&'a T> {
            defer! { recover(); }
            if wanted(self.0) {
                return Some(self.0);
            }
            None
        }

        #[goroutine]
        fn last_mut(&mut self) -> Option<&mut T> {
            defer! { recover(); }
            self.1.last_mut()
        }
    }

    /// # Safety
    /// * `at` points to a number.
    #[goroutine]
    #[track_caller]
    unsafe fn read(at: *const i32, mut times: i32, _unused: String) -> i32 {
        defer! { recover(); }
        let mut sum = 0;
        while times > 0 {
            times -= 1;
            // SAFETY: by contract.
            sum += unsafe { *at };
        }
        assert!(sum < 10, "too many");
        sum
    }

    #[goroutine]
    fn recursive(n: u64) -> u64 {
        defer! { recover(); }
        if n == 0 { 1 } else { n.checked_mul(recursive(n - 1)).expect("overflow") }
    }

    #[goroutine]
    fn channels(jobs: Recv<i32>, results: chan::Send<i32>) -> Result<(), String> {
        defer!(results.close());
        defer! { recover(); }
        for job in &jobs {
            results.send(job.checked_add(1).ok_or("too large")?);
        }
        Ok(())
    }

    #[goroutine]
    #[test]
    fn signatures() {
        defer! { assert!(recover().is_none()) }
        let mut pair = Pair::new(&1, (vec![2], Some(3))).unwrap();
        assert!(Pair::new(&1, (vec![2], None)).is_none());
        assert_eq!((pair.find(|&n| n == 1), pair.find(|_| panic!("x"))), (Some(&1), None));
        *pair.last_mut().unwrap() += 1;
        assert_eq!(pair.1, [2, 4]);
        // SAFETY: it points to a number.
        let read = |times| unsafe { read(&3, times, String::new()) };
        assert_eq!((read(3), read(4)), (9, 0));
        assert_eq!((recursive(5), recursive(30)), (120, recursive(30)));
        let (jobs, results) = (Chan::with_capacity(2), Chan::with_capacity(2));
        jobs.send(1);
        jobs.send(i32::MAX);
        assert_eq!(channels(&jobs, &results), Err("too large".to_owned()));
        assert_eq!(results.iter().collect::<Vec<_>>(), [2]);
    }
}

/// `recover` by its own import, which counts as used.
mod imported {
    #![deny(unused_imports)]

    use goconc::{defer, goroutine, recover};

    #[goroutine]
    fn f() -> i32 {
        defer! { recover(); }
        panic!("x")
    }

    #[test]
    fn by_name() {
        assert_eq!(f(), 0);
    }
}

/// Go's `func f() (T, error)`: recovered and nothing given, that is a zero value and no error.
#[test]
fn results_without_an_error() {
    #[derive(Debug, PartialEq)]
    struct NoDefault;

    #[goroutine]
    fn parsed<T>(text: &str) -> Result<T, NoDefault>
    where
        T: Default + std::str::FromStr<Err: std::fmt::Debug>,
    {
        defer! { recover(); }
        Ok(text.parse().unwrap())
    }
    #[goroutine]
    fn cannot() -> Result<NoDefault, String> {
        defer! { recover(); }
        panic!("the cause")
    }
    assert_eq!(parsed("5"), Ok(5));
    assert_eq!(parsed::<i32>("five"), Ok(0));
    let text = common::panic_text(|| _ = cannot());
    assert!(text.contains("the cause") && text.contains("returning"), "{text}");
}

/// The text of a panic is had as a `String` whether the compiler could see all of it or not.
#[test]
fn texts() {
    #[goroutine]
    fn of(f: impl FnOnce()) -> String {
        defer! {
            let mut panic = recover().unwrap();
            assert!(panic.is::<String>());
            let value = panic.take::<String>().unwrap();
            panic.returning(format!("{}/{value}", panic.message()));
        }
        f();
        String::new()
    }
    assert_eq!(of(|| panic!("literal")), "literal/literal");
    assert_eq!(of(|| panic!("a number: {}", std::hint::black_box(1))), "a number: 1/a number: 1");
}
