//! The macros by example; the procedural ones are in `goconc-macros`.

/// Declares goroutine-locals, in the syntax of [`std::thread_local!`].
///
/// Go has none; this is what a thread-local of a library becomes when it moves to goroutines.
///
/// # Examples
/// ```
/// use std::cell::RefCell;
///
/// goconc::goroutine_local! {
///     static TRAIL: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
/// }
///
/// TRAIL.with(|trail| trail.borrow_mut().push("here"));
/// assert_eq!(TRAIL.with(|trail| trail.borrow().len()), 1);
/// ```
#[macro_export]
macro_rules! goroutine_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const $init:block $(; $($rest:tt)*)?) => {
        $crate::goroutine_local! { $(#[$attr])* $vis static $name: $t = $init; $($($rest)*)? }
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr $(; $($rest:tt)*)?) => {
        $(#[$attr])*
        $vis static $name: $crate::__private::LocalKey<$t> = $crate::__private::LocalKey::new(|| $init);
        $($crate::goroutine_local! { $($rest)* })?
    };
}
