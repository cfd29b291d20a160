//! `Timer` and `after`.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::func::Func;
use super::nanos;
use crate::chan::Recv;

/// A single event in the future: a value on its channel, or a call of a function ([`after_func`](super::after_func)).
///
/// Go: `time.Timer`. `Timer::default()` is Go's zero `Timer`, which was not initialised.
///
/// A timer that is dropped, and whose channel nobody holds, is gone; there is no need to stop it. One that nobody waits for
/// costs nothing but its memory.
///
/// # Examples
/// ```
/// use goconc::{Chan, select, time};
///
/// let results = Chan::<i32>::new();
/// let timeout = time::Timer::new(time::MILLISECOND);
/// let got = select! {
///     v = <-results => v,
///     <-timeout.c => None,
/// };
/// assert_eq!(got, None);
/// ```
#[derive(Default)]
pub struct Timer {
    /// Where the moment of expiry arrives. Nil if the timer calls a function instead. Its `len` and `cap` are always 0.
    pub c: Recv<Instant>,
    func: Option<Arc<Func>>,
}

impl Timer {
    /// Starts a timer: after `d` the moment of its expiry can be received from [`c`](Self::c).
    ///
    /// Go: `time.NewTimer(d)`
    ///
    /// # Examples
    /// ```
    /// use goconc::time;
    ///
    /// let start = time::now();
    /// let timer = time::Timer::new(time::MILLISECOND);
    /// assert!(timer.c.recv().unwrap() >= start + time::MILLISECOND);
    /// ```
    #[must_use]
    pub fn new(d: Duration) -> Timer {
        Timer { c: after(d), func: None }
    }

    pub(super) fn of_func(func: Arc<Func>) -> Timer {
        Timer { c: Recv::nil(), func: Some(func) }
    }

    /// The channel, as [`c`](Self::c): for those who would rather have their own handle.
    ///
    /// # Examples
    /// ```
    /// use goconc::time::{self, Timer};
    ///
    /// let expired = Timer::new(time::MILLISECOND).c();
    /// assert!(expired.recv().is_some());
    /// ```
    #[must_use]
    pub fn c(&self) -> Recv<Instant> {
        self.c.clone()
    }

    /// Prevents the timer from firing. True: it would have. False: it had fired and the value was received, or the function
    /// was started, or the timer was stopped before.
    ///
    /// Go: `t.Stop()`. As in Go 1.23 and later, no value can be received afterwards: there is nothing to drain. Does not wait
    /// for a function that has been started.
    ///
    /// # Panics
    /// `time: Stop called on uninitialized Timer`
    ///
    /// # Examples
    /// ```
    /// use goconc::time::{self, Timer};
    ///
    /// let timer = Timer::new(time::HOUR);
    /// assert!(timer.stop());
    /// assert!(!timer.stop());
    /// ```
    #[track_caller]
    pub fn stop(&self) -> bool {
        let active = match &self.func {
            Some(func) => Some(func.stop()),
            None => self.c.set_clock(None, 0),
        };
        let Some(active) = active else { panic!("time: Stop called on uninitialized Timer") };
        active
    }

    /// Changes the timer to fire in `d` from now on, whether it has fired, was stopped, or neither. True: it would have fired.
    ///
    /// Go: `t.Reset(d)`. As with [`stop`](Self::stop), no old value can be received afterwards; and who waits for the channel
    /// waits for the new moment.
    ///
    /// # Panics
    /// `time: Reset called on uninitialized Timer`
    ///
    /// # Examples
    /// ```
    /// use goconc::time::{self, Timer};
    ///
    /// let timer = Timer::new(time::HOUR);
    /// assert!(timer.reset(time::MILLISECOND));
    /// assert!(timer.c.recv().is_some());
    /// assert!(!timer.reset(time::MILLISECOND));
    /// assert!(timer.c.recv().is_some());
    /// ```
    #[track_caller]
    pub fn reset(&self, d: Duration) -> bool {
        let active = match &self.func {
            Some(func) => Some(func.start(nanos(d))),
            None => self.c.set_clock(Some(nanos(d)), 0),
        };
        let Some(active) = active else { panic!("time: Reset called on uninitialized Timer") };
        active
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("c", &self.c).finish_non_exhaustive()
    }
}

/// As [`Timer::new`].
///
/// Go: `time.NewTimer(d)`
#[must_use]
pub fn new_timer(d: Duration) -> Timer {
    Timer::new(d)
}

/// A channel from which, after `d`, the moment of expiry can be received.
///
/// Go: `time.After(d)`. A loop may call it in each round: what is dropped is gone.
///
/// # Examples
/// ```
/// use goconc::{Chan, select, time};
///
/// let never = Chan::<()>::new();
/// let timed_out = select! {
///     <-never => false,
///     <-time::after(time::MILLISECOND) => true,
/// };
/// assert!(timed_out);
/// ```
#[must_use]
pub fn after(d: Duration) -> Recv<Instant> {
    Recv::clock(nanos(d), 0)
}
