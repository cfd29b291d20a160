//! `recover`, what it gives, and `panic` with a value.

use core::any::{Any, TypeId};
use core::fmt;
use std::panic::panic_any;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{catch, unwindings};
use crate::gmp::unwinding::{Given, Panic, Payload};
use crate::join::PanicLocation;
use crate::panics::{self, Thrown};

/// Ends the panic that runs the deferred call, and gives what is known of it. `None` if no panic does.
///
/// Go: `recover()`.
///
/// It is the deferred call itself that must call it: inside of `defer! { .. }`, or in `f` of `defer!(f())`. The innermost
/// function with `#[goroutine]` then returns to its caller, with the value that [`Recovered::returning`] gave, else with
/// [`Default::default`] of its type; a goroutine's body, a closure of `go!` for instance, ends. What was deferred before
/// still runs.
///
/// It gives `None`
/// - outside of a deferred call, or when its block has come to its end in another way: by `return`, or by `runtime::goexit`;
/// - the second time;
/// - in a function with `#[goroutine]` and a `defer!` of its own that the deferred call calls, and in a `defer!` inside of the
///   deferred call, unless that has panicked itself. (A helper without one of those cannot be told from the deferred
///   call; in Go that gives `nil` too.)
/// - deferred itself, `defer!(recover())`;
/// - on a plain thread, where no function with `#[goroutine]` is under way.
///
/// A destructor of the program's own that panics and catches that itself, while another panic unwinds through it, hides the other
/// one: std does not tell the two apart, and `recover` gives the newer.
///
/// The `recover` of the prelude is this one inside of a `defer!`; elsewhere it does not compile. In a function that is
/// called as `defer!(f())`, name this one, `goconc::recover()`.
///
/// # Examples
/// ```
/// use goconc::prelude::*;
///
/// #[goroutine]
/// fn divide(a: i32, b: i32) -> Result<i32, String> {
///     defer! {
///         if let Some(panic) = recover() {
///             panic.returning(Err::<i32, _>(panic.message().to_owned()));
///         }
///     }
///     Ok(a / b)
/// }
///
/// assert_eq!(divide(6, 2), Ok(3));
/// assert_eq!(divide(1, 0), Err("attempt to divide by zero".to_owned()));
/// ```
pub fn recover() -> Option<Recovered> {
    let (serial, panic) = unwindings(|unwindings| {
        let (serial, panic) = unwindings.recover()?;
        Some((
            serial,
            Panic {
                location: panic.location.clone(),
                value: panic.value.take(),
                ..Panic::of_message(panic.message.clone())
            },
        ))
    })?;
    Some(Recovered {
        message: panic.message,
        location: panic.location.map(PanicLocation::new),
        value: panic.value.and_then(panics::unshared),
        serial,
    })
}

/// A panic that [`recover`] has ended.
pub struct Recovered {
    message: String,
    location: Option<PanicLocation>,
    value: Option<Payload>,
    serial: u64,
}

impl Recovered {
    /// The text of the panic.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it happened. `None` when that is not known (`resume_unwind`, a panic hook of the program's own).
    pub fn location(&self) -> Option<&PanicLocation> {
        self.location.as_ref()
    }

    /// The value that was panicked with, if it is a `T` and can be had.
    ///
    /// Go: `recover().(T)`.
    ///
    /// It can be had of [`goconc::panic`](panic()), whatever its type; and of `panic!` and `std::panic::panic_any` where it
    /// is a text, a number, a `bool`, a `char` or `()`. Any other value of `panic_any` is still unwinding when the deferred
    /// call runs, and may yet be seen by a `catch_unwind` on its way. A text is a `&'static str` or a `String`: as a `String` it
    /// can always be had.
    ///
    /// # Errors
    /// Itself, if it is no `T`, or cannot be had.
    ///
    /// # Examples
    /// ```
    /// use goconc::prelude::*;
    ///
    /// #[derive(Debug)]
    /// struct NotFound(String);
    ///
    /// #[goroutine]
    /// fn find(key: &str) -> i32 {
    ///     defer! {
    ///         let NotFound(key) = recover().unwrap().downcast().unwrap();
    ///         assert_eq!(key, "k");
    ///     }
    ///     goconc::panic(NotFound(key.to_owned()))
    /// }
    ///
    /// assert_eq!(find("k"), 0);
    /// ```
    pub fn downcast<T: Any>(mut self) -> Result<T, Recovered> {
        self.take().ok_or(self)
    }

    /// As [`downcast`](Self::downcast), but the rest stays, for [`returning`](Self::returning).
    ///
    /// # Examples
    /// ```
    /// use goconc::prelude::*;
    ///
    /// #[derive(Debug)]
    /// struct NotFound;
    ///
    /// #[goroutine]
    /// fn find(key: &str) -> Result<i32, NotFound> {
    ///     defer! {
    ///         let Some(mut panic) = recover() else { return };
    ///         match panic.take::<NotFound>() {
    ///             Some(error) => panic.returning(Err::<i32, _>(error)),
    ///             None => goconc::panic(panic), // not ours: it goes on
    ///         }
    ///     }
    ///     if key.is_empty() { goconc::panic(NotFound) } else { panic!("no map") }
    /// }
    ///
    /// assert!(find("").is_err());
    /// assert_eq!(goconc::spawn(|| find("k")).join().unwrap_err().message(), "no map");
    /// ```
    pub fn take<T: Any>(&mut self) -> Option<T> {
        let value = self.value.take()?;
        match if is_string::<T>() { owned(value) } else { value }.downcast::<T>() {
            Ok(value) => Some(*value),
            Err(value) => {
                self.value = Some(value);
                None
            }
        }
    }

    /// As [`downcast`](Self::downcast), by reference.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.value.as_ref()?.downcast_ref()
    }

    /// Whether [`downcast`](Self::downcast) would give a `T`.
    pub fn is<T: Any>(&self) -> bool {
        let is =
            |value: &Box<dyn Any + Send>| value.is::<T>() || is_string::<T>() && value.is::<&'static str>();
        self.value.as_ref().is_some_and(is)
    }

    /// Says what the function that has recovered returns. The last one counts.
    ///
    /// Go: assigning to a named result.
    ///
    /// # Panics
    /// When the function has returned already. When `value` is not of the type that the function returns, the function
    /// panics in place of returning.
    ///
    /// # Examples
    /// See [`recover`].
    pub fn returning<T: 'static>(&self, value: T) {
        let given = Given { value: Box::new(value), type_name: core::any::type_name::<T>() };
        match unwindings(|unwindings| unwindings.give(self.serial, given)) {
            Ok(old) => panics::discard(old),
            Err(_) => panic!("returning: the function that has recovered has returned already"),
        }
    }
}

impl fmt::Debug for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovered")
            .field("message", &self.message)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

fn is_string<T: Any>() -> bool {
    TypeId::of::<T>() == TypeId::of::<String>()
}

/// The text of a `panic!("..")` is a `&'static str` where the compiler can see all of it, else a `String`: who asks for a `String`
/// gets either.
fn owned(value: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    match value.downcast::<&'static str>() {
        Ok(text) => Box::new((*text).to_owned()),
        Err(other) => other,
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Panics with a value.
///
/// Go: `panic(v)`. What [`recover`] gave goes on as it was: `goconc::panic(recovered)` is Go's `panic(r)`.
///
/// As [`std::panic::panic_any`], with two differences: a deferred call can have the value, whatever its type
/// ([`Recovered::downcast`]), and the value is printed when nobody recovers. (A `catch_unwind` of the program's own
/// gets a value of a private type in its place; [`JoinHandle::join`](crate::JoinHandle::join) has the one that was thrown.)
///
/// The text is the value's `Debug`; that of a text or a number, and of an error that is shared or boxed (Go's `panic(err)`), is its
/// `Display`.
///
/// # Panics
/// Always.
///
/// # Examples
/// ```
/// #[derive(Debug, PartialEq)]
/// struct MyInt(i32);
///
/// let error = goconc::spawn(|| goconc::panic(MyInt(42))).join().unwrap_err();
/// assert_eq!(error.message(), "MyInt(42)");
/// assert_eq!(error.into_payload().downcast_ref(), Some(&MyInt(42)));
///
/// let error = || Box::<dyn std::error::Error + Send + Sync>::from("no such user");
/// assert_eq!(goconc::spawn(move || goconc::panic(error())).join().unwrap_err().message(), "no such user");
/// ```
#[track_caller]
pub fn panic<T: Any + Send + fmt::Debug>(value: T) -> ! {
    let message = text_of(&value);
    panic_any(Thrown { message, value: Arc::new(Mutex::new(Some(unwrapped(Box::new(value))))) })
}

/// The value that was recovered, if this is what `recover` gave; without one it stands for itself.
fn unwrapped(value: Payload) -> Payload {
    match value.downcast::<Recovered>() {
        Ok(mut recovered) => recovered.value.take().unwrap_or(recovered),
        Err(value) => value,
    }
}

/// Its text: now, because it may park, or panic itself, which a panic hook may not.
fn text_of<T: Any + Send + fmt::Debug>(value: &T) -> String {
    if let Some(recovered) = (value as &dyn Any).downcast_ref::<Recovered>() {
        return recovered.message.clone();
    }
    let text = || panics::plain_text(value).unwrap_or_else(|| format!("{value:?}"));
    catch(text).unwrap_or_else(|end| match *end {
        Ok(recovery) => recovery.message,
        Err(escaped) => {
            let why = escaped.panic.map_or(String::new(), |panic| panic.message);
            format!("(panic while printing panic value: {why})")
        }
    })
}
