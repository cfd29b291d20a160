//! `Ticker` and `tick`.

use core::fmt;
use std::time::{Duration, Instant};

use super::nanos;
use crate::chan::Recv;

/// A channel that gives the time at intervals.
///
/// Go: `time.Ticker`. `Ticker::default()` is Go's zero `Ticker`.
///
/// A slow reader misses ticks: one is kept, the others are dropped, and the next one comes in phase. A ticker that is dropped,
/// and whose channel nobody holds, is gone.
///
/// # Examples
/// ```
/// use goconc::time::{self, Ticker};
///
/// let ticker = Ticker::new(time::MILLISECOND);
/// let ticks: Vec<_> = ticker.c.iter().take(3).collect();
/// assert!(ticks[1] - ticks[0] >= time::MILLISECOND);
/// ticker.stop();
/// ```
#[derive(Default)]
pub struct Ticker {
    /// Where the ticks arrive. Its `len` and `cap` are always 0.
    pub c: Recv<Instant>,
}

impl Ticker {
    /// Starts a ticker: a tick every `d`, the first after `d`.
    ///
    /// Go: `time.NewTicker(d)`
    ///
    /// # Panics
    /// `non-positive interval for NewTicker`
    ///
    /// # Examples
    /// See [`Ticker`].
    #[must_use]
    #[track_caller]
    pub fn new(d: Duration) -> Ticker {
        assert!(!d.is_zero(), "non-positive interval for NewTicker");
        Ticker { c: tick(d) }
    }

    /// The channel, as [`c`](Self::c): for those who would rather have their own handle.
    #[must_use]
    pub fn c(&self) -> Recv<Instant> {
        self.c.clone()
    }

    /// Ends the ticks: none can be received afterwards. The channel is not closed: who waits for it waits on.
    ///
    /// Go: `t.Stop()`; on a zero `Ticker` it does nothing.
    ///
    /// # Examples
    /// ```
    /// use goconc::time::{self, Ticker};
    ///
    /// let ticker = Ticker::new(time::MILLISECOND);
    /// ticker.stop();
    /// time::sleep(2 * time::MILLISECOND);
    /// assert!(ticker.c.try_recv().is_err());
    /// ```
    pub fn stop(&self) {
        self.c.set_clock(None, 0);
    }

    /// Changes the interval to `d`; the next tick comes in `d` from now.
    ///
    /// Go: `t.Reset(d)`
    ///
    /// # Panics
    /// `non-positive interval for Ticker.Reset`, `time: Reset called on uninitialized Ticker`
    ///
    /// # Examples
    /// ```
    /// use goconc::time::{self, Ticker};
    ///
    /// let ticker = Ticker::new(time::HOUR);
    /// ticker.reset(time::MILLISECOND);
    /// assert!(ticker.c.recv().is_some());
    /// ```
    #[track_caller]
    pub fn reset(&self, d: Duration) {
        assert!(!d.is_zero(), "non-positive interval for Ticker.Reset");
        if self.c.set_clock(Some(nanos(d)), nanos(d)).is_none() {
            panic!("time: Reset called on uninitialized Ticker");
        }
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("c", &self.c).finish_non_exhaustive()
    }
}

/// As [`Ticker::new`].
///
/// Go: `time.NewTicker(d)`
///
/// # Panics
/// `non-positive interval for NewTicker`
#[must_use]
#[track_caller]
pub fn new_ticker(d: Duration) -> Ticker {
    Ticker::new(d)
}

/// The channel of a ticker, which ends when the channel is dropped. The nil channel if `d` is zero.
///
/// Go: `time.Tick(d)`
///
/// # Examples
/// ```
/// use goconc::time;
///
/// let mut n = 0;
/// for _moment in time::tick(time::MILLISECOND) {
///     n += 1;
///     if n == 3 {
///         break;
///     }
/// }
/// assert!(time::tick(time::Duration::ZERO).is_nil());
/// ```
#[must_use]
pub fn tick(d: Duration) -> Recv<Instant> {
    if d.is_zero() { Recv::nil() } else { Recv::clock(nanos(d), nanos(d)) }
}
