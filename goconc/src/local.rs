//! `goroutine_local!`: `thread_local!` for goroutines. And what a plain thread has in place of a G.

use core::any::Any;
use core::cell::{Cell, RefCell};
use core::fmt;

use crate::gmp::unwinding::Unwindings;
use crate::gmp::{Local, g};

/// A key of [`goroutine_local!`](crate::goroutine_local): each goroutine has its own value, made when it first asks, and
/// dropped on its own stack when it ends. A plain thread has one too.
pub struct LocalKey<T: 'static> {
    make: fn() -> T,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(make: fn() -> T) -> Self {
        LocalKey { make }
    }

    /// Calls `f` with the goroutine's value.
    ///
    /// # Panics
    /// When a plain thread asks while its own values are being dropped.
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    ///
    /// goconc::goroutine_local! {
    ///     static DEPTH: Cell<u32> = Cell::new(0);
    /// }
    ///
    /// DEPTH.with(|depth| depth.set(depth.get() + 1));
    /// let in_another = goconc::run(|| DEPTH.with(Cell::get));
    /// assert_eq!((DEPTH.with(Cell::get), in_another), (1, 0));
    /// ```
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let value: *const T = match self.find() {
            Some(value) => value,
            None => {
                self.put((self.make)()); // which may itself use this key, or park
                self.find().unwrap_or_else(|| crate::sys::throw::throw("local: a value has vanished"))
            }
        };
        // SAFETY: the box is dropped only when its goroutine or thread ends, which is running `f`.
        f(unsafe { &*value })
    }

    /// Makes `value` the goroutine's, unless it has one already: then gives it back.
    fn put(&'static self, value: T) -> Option<T> {
        if self.find().is_some() {
            return Some(value);
        }
        let value: Box<dyn Any> = Box::new(value);
        with_locals(|locals| locals.push((self.key(), value)));
        None
    }

    fn key(&'static self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    fn find(&'static self) -> Option<*const T> {
        with_locals(|locals| {
            let (_, value) = locals.iter().find(|(key, _)| *key == self.key())?;
            value.downcast_ref::<T>().map(core::ptr::from_ref)
        })
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the goroutine's value. The initial one is not made for it.
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    ///
    /// goconc::goroutine_local! {
    ///     static DEPTH: Cell<u32> = Cell::new(0);
    /// }
    ///
    /// DEPTH.set(DEPTH.get() + 1);
    /// assert_eq!((DEPTH.replace(5), DEPTH.take(), DEPTH.get()), (1, 5, 0));
    /// ```
    pub fn set(&'static self, value: T) {
        if let Some(new) = self.put(Cell::new(value)) {
            self.with(|cell| cell.swap(&new));
        }
    }

    /// The goroutine's value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the goroutine's value and leaves `T::default()`.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the goroutine's value, and returns it.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the goroutine's value.
    ///
    /// # Panics
    /// When it is mutably borrowed.
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    ///
    /// goconc::goroutine_local! {
    ///     static TRAIL: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
    /// }
    ///
    /// TRAIL.with_borrow_mut(|trail| trail.push("here"));
    /// assert_eq!(TRAIL.with_borrow(Vec::len), 1);
    /// assert_eq!(TRAIL.replace(vec!["there"]), ["here"]);
    /// assert_eq!(TRAIL.take(), ["there"]);
    /// TRAIL.set(vec!["elsewhere"]);
    /// ```
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the goroutine's value, to change it.
    ///
    /// # Panics
    /// When it is borrowed.
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the goroutine's value. The initial one is not made for it.
    ///
    /// # Panics
    /// When it is borrowed.
    pub fn set(&'static self, value: T) {
        if let Some(new) = self.put(RefCell::new(value)) {
            self.with(|cell| cell.swap(&new));
        }
    }

    /// Takes the goroutine's value and leaves `T::default()`.
    ///
    /// # Panics
    /// When it is borrowed.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces the goroutine's value, and returns it.
    ///
    /// # Panics
    /// When it is borrowed.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

/// The values of the calling goroutine, or thread. `f` calls no user code.
fn with_locals<R>(f: impl FnOnce(&mut Vec<Local>) -> R) -> R {
    match g::current() {
        Some(g) => g.locals(f),
        None => PLAIN.with(|plain| f(&mut plain.locals.borrow_mut())),
    }
}

/// Calls `f`, which calls no code of the program, with the panics in flight of the calling plain thread.
pub(crate) fn plain_unwindings(f: &mut dyn FnMut(&mut Unwindings)) {
    let known = PLAIN.try_with(|plain| f(&mut plain.unwindings.borrow_mut()));
    if known.is_err() {
        f(&mut Unwindings::new(false)); // the thread ends: there is nothing to remember any more
    }
}

// The one `thread_local!` of goconc: for plain threads, goroutines do not come here.
mod plain {
    use super::{Local, RefCell, Unwindings};

    pub(super) struct Plain {
        pub(super) locals: RefCell<Vec<Local>>,
        pub(super) unwindings: RefCell<Unwindings>,
    }

    std::thread_local! {
        pub(super) static PLAIN: Plain = const {
            Plain { locals: RefCell::new(Vec::new()), unwindings: RefCell::new(Unwindings::new(false)) }
        };
    }
}
use plain::PLAIN;

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}
