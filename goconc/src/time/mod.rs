//! Go's package `time`: sleeping, and timers whose channels can be received from and selected like any other.
//!
//! | Go | goconc |
//! |---|---|
//! | `time.Sleep(d)` | [`sleep(d)`](sleep) |
//! | `<-time.After(d)` | [`after(d)`](after)`.recv()`; in `select!`: `<-time::after(d) => ..` |
//! | `time.NewTimer(d)`, `t.C`, `t.Stop()`, `t.Reset(d)` | [`Timer::new(d)`](Timer::new), `t.c`, `t.stop()`, `t.reset(d)` |
//! | `time.AfterFunc(d, f)` | [`after_func(d, f)`](after_func) |
//! | `time.NewTicker(d)`, `time.Tick(d)` | [`Ticker::new(d)`](Ticker::new), [`tick(d)`](tick) |
//! | `2 * time.Second` | `2 * time::SECOND` |
//!
//! A duration is a [`Duration`] and a moment is an [`Instant`], of the monotonic clock. The rules are those of Go 1.23 and
//! later: after `stop` or `reset` no old value is received, a dropped timer is gone, a slow reader of a ticker misses ticks.

mod func;
mod sleep;
mod ticker;
mod timer;

pub use std::time::{Duration, Instant};

pub use func::after_func;
pub(crate) use sleep::run_after_nap;
pub use sleep::sleep;
pub use ticker::{Ticker, new_ticker, tick};
pub use timer::{Timer, after, new_timer};

/// One nanosecond.
pub const NANOSECOND: Duration = Duration::from_nanos(1);
/// One microsecond.
pub const MICROSECOND: Duration = Duration::from_micros(1);
/// One millisecond.
pub const MILLISECOND: Duration = Duration::from_millis(1);
/// One second.
///
/// # Examples
/// ```
/// use goconc::time;
///
/// assert_eq!(2 * time::SECOND, 2000 * time::MILLISECOND);
/// assert_eq!(time::HOUR, 60 * time::MINUTE);
/// ```
pub const SECOND: Duration = Duration::from_secs(1);
/// One minute.
pub const MINUTE: Duration = Duration::from_secs(60);
/// One hour.
pub const HOUR: Duration = Duration::from_secs(3600);

/// The present moment.
///
/// Go: `time.Now()`
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The time that has passed since `t`; zero if that is still to come.
///
/// Go: `time.Since(t)`
///
/// # Examples
/// ```
/// use goconc::time;
///
/// let start = time::now();
/// time::sleep(time::MILLISECOND);
/// assert!(time::since(start) >= time::MILLISECOND);
/// ```
#[must_use]
pub fn since(t: Instant) -> Duration {
    t.elapsed()
}

/// The time until `t`; zero if that has passed.
///
/// Go: `time.Until(t)`
///
/// # Examples
/// ```
/// use goconc::time;
///
/// assert!(time::until(time::now() + time::HOUR) > 59 * time::MINUTE);
/// ```
#[must_use]
pub fn until(t: Instant) -> Duration {
    t.saturating_duration_since(Instant::now())
}

/// In nanoseconds, at most some 500 years.
fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}
