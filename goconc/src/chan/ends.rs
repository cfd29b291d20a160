//! [`Chan`], [`Send`] and [`Recv`]: documentation and one-line methods. What they do is in `hchan`.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::panic::Location;
use std::time::Instant;

use crate::chan::handle::Handle;
use crate::chan::hchan::Hchan;
use crate::chan::{CloseError, IntoIter, Iter, SendError, TryIter, TryRecvError, TrySendError};

/// A channel: values of one type go from any goroutine or thread to any other, first in, first out.
///
/// Go: `chan T`
///
/// A `Chan` is a handle: clones are the same channel. Dropping handles never closes it. [`Send`] and [`Recv`] are the same
/// channel seen from one side; a `Chan` turns into either with `into()`, and never back.
///
/// # Examples
/// ```
/// use goconc::prelude::*;
///
/// let ch = Chan::new();
/// go!([ch] {
///     for i in 0..3 {
///         ch.send(i);
///     }
///     ch.close();
/// });
/// assert_eq!(ch.iter().sum::<i32>(), 3);
/// ```
///
/// A channel holds on to what its values borrow:
/// ```compile_fail,E0597
/// let ch = goconc::Chan::<&str>::with_capacity(1);
/// {
///     let owner = String::from("gone");
///     ch.send(&owner);
/// }
/// println!("{:?}", ch.recv());
/// ```
pub struct Chan<T>(Recv<T>);

/// The sending side of a channel: it can send and close, and nothing else.
///
/// Go: `chan<- T`
///
/// # Examples
/// ```
/// use goconc::chan::{Chan, Send};
///
/// fn produce(out: &Send<i32>) {
///     out.send(1);
///     out.close();
/// }
///
/// let ch = Chan::with_capacity(1);
/// produce(&ch.sender());
/// assert_eq!(ch.recv(), Some(1));
/// ```
///
/// Receiving does not compile:
/// ```compile_fail,E0599
/// let (tx, _rx) = goconc::Chan::<i32>::new().split();
/// tx.recv();
/// ```
pub struct Send<T>(Handle<T>);

/// The receiving side of a channel: it can receive, and nothing else.
///
/// Go: `<-chan T`
///
/// # Examples
/// ```
/// use goconc::chan::{Chan, Recv};
///
/// fn first(input: &Recv<i32>) -> Option<i32> {
///     input.recv()
/// }
///
/// let ch = Chan::with_capacity(1);
/// ch.send(7);
/// assert_eq!(first(&ch.receiver()), Some(7));
/// ```
///
/// Sending and closing do not compile:
/// ```compile_fail,E0599
/// let (_tx, rx) = goconc::Chan::<i32>::new().split();
/// rx.send(1);
/// ```
pub struct Recv<T>(Handle<T>);

impl<T> Chan<T> {
    /// Makes an unbuffered channel: a send waits for its receiver.
    ///
    /// Go: `make(chan T)`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::new();
    /// goconc::go!([ch] ch.send(1));
    /// assert_eq!(ch.recv(), Some(1));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// Makes a channel that buffers up to `capacity` values.
    ///
    /// Go: `make(chan T, capacity)`
    ///
    /// # Panics
    /// `makechan: size out of range`: more than 2^32 - 1, or more memory than there is.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(1);
    /// ch.send(1); // does not wait
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_capacity(capacity: usize) -> Self {
        Chan(Recv(Handle::make(capacity)))
    }

    /// The sending side.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(1);
    /// ch.sender().send(1);
    /// assert_eq!(ch.len(), 1);
    /// ```
    #[must_use]
    #[inline]
    pub fn sender(&self) -> Send<T> {
        Send(self.0.0.clone())
    }

    /// The receiving side.
    #[must_use]
    #[inline]
    pub fn receiver(&self) -> Recv<T> {
        self.0.clone()
    }

    /// Both sides.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = goconc::Chan::with_capacity(1).split();
    /// tx.send(1);
    /// assert_eq!(rx.recv(), Some(1));
    /// ```
    #[must_use]
    pub fn split(self) -> (Send<T>, Recv<T>) {
        (self.sender(), self.0)
    }

    /// The nil channel: every send and receive waits for ever, and it is never ready in a `select!`.
    ///
    /// Go: `var ch chan T`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::nil();
    /// assert!(ch.is_nil() && ch.try_recv().is_err());
    /// ```
    pub const fn nil() -> Self {
        Chan(Recv(Handle::NIL))
    }

    /// Sends `value`.
    ///
    /// Go: `ch <- value`
    ///
    /// # Parks
    /// Until a receiver takes it or there is room. For ever on a nil channel.
    ///
    /// # Panics
    /// `send on closed channel`, also when it is closed while the send waits.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(1);
    /// ch.send("hello");
    /// assert_eq!(ch.recv(), Some("hello"));
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, value: T) {
        if self.checked_send(value).is_err() {
            panic!("send on closed channel");
        }
    }

    /// Sends `value`, or gives it back when the channel is, or gets, closed.
    ///
    /// # Parks
    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// [`SendError`] with the value: the channel is closed.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::new();
    /// ch.close();
    /// assert_eq!(ch.checked_send(1).unwrap_err().into_inner(), 1);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn checked_send(&self, value: T) -> Result<(), SendError<T>> {
        self.0.0.send(value, Location::caller())
    }

    /// Sends `value` if that needs no wait.
    ///
    /// Go: `select { case ch <- value: default: }`, but a closed channel is an error and no panic.
    ///
    /// # Errors
    /// [`TrySendError`] with the value: full (or nil), or closed.
    ///
    /// # Examples
    /// ```
    /// use goconc::chan::{Chan, TrySendError};
    ///
    /// let ch = Chan::with_capacity(1);
    /// assert_eq!(ch.try_send(1), Ok(()));
    /// assert_eq!(ch.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.0.0.try_send(value)
    }

    /// Closes the channel: nothing more will be sent. What is buffered can still be received; all receivers that wait get
    /// `None`, all senders that wait fail.
    ///
    /// Go: `close(ch)`
    ///
    /// # Panics
    /// `close of closed channel`, `close of nil channel`.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::new();
    /// ch.close();
    /// assert_eq!(ch.recv(), None);
    /// ```
    #[track_caller]
    pub fn close(&self) {
        if let Err(error) = self.checked_close() {
            panic!("{error}");
        }
    }

    /// Closes the channel, or says why not.
    ///
    /// # Errors
    /// [`CloseError`]: it is closed already, or nil.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::new();
    /// assert!(ch.checked_close().is_ok());
    /// assert!(ch.checked_close().is_err());
    /// ```
    pub fn checked_close(&self) -> Result<(), CloseError> {
        self.0.0.close()
    }

    /// Receives the next value, or `None` once the channel is closed and drained.
    ///
    /// Go: `v, ok := <-ch`
    ///
    /// # Parks
    /// Until a value is sent or the channel is closed. For ever on a nil channel.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(2);
    /// ch.send(1);
    /// ch.close();
    /// assert_eq!(ch.recv(), Some(1));
    /// assert_eq!(ch.recv(), None);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Option<T> {
        self.0.0.recv(Location::caller())
    }

    /// Receives the next value, or the zero value once the channel is closed and drained.
    ///
    /// Go: `v := <-ch`
    ///
    /// # Parks
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::new();
    /// ch.close();
    /// assert_eq!(ch.recv_or_default(), 0);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn recv_or_default(&self) -> T
    where
        T: Default,
    {
        self.recv().unwrap_or_default()
    }

    /// Receives a value if that needs no wait.
    ///
    /// Go: `select { case v, ok := <-ch: default: }`
    ///
    /// # Errors
    /// [`TryRecvError`]: empty (or nil), or closed and drained.
    ///
    /// # Examples
    /// ```
    /// use goconc::chan::{Chan, TryRecvError};
    ///
    /// let ch = Chan::<i32>::new();
    /// assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
    /// ch.close();
    /// assert_eq!(ch.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.0.try_recv()
    }

    /// The values to come, until the channel is closed and drained.
    ///
    /// Go: `for v := range ch`
    ///
    /// # Parks
    /// Each `next`, as [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(3);
    /// (1..=3).for_each(|i| ch.send(i));
    /// ch.close();
    /// assert_eq!(ch.iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { recv: &self.0 }
    }

    /// The values that are there now: ends when a receive would wait.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(3);
    /// ch.send(1);
    /// assert_eq!(ch.try_iter().count(), 1);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { recv: &self.0 }
    }

    /// How many values are buffered. Zero for an unbuffered or nil channel. A snapshot: it orders nothing.
    ///
    /// Go: `len(ch)`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(2);
    /// ch.send(1);
    /// assert_eq!((ch.len(), ch.cap()), (1, 2));
    /// ```
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values fit. Zero for an unbuffered or nil channel.
    ///
    /// Go: `cap(ch)`
    pub fn cap(&self) -> usize {
        self.0.0.cap()
    }

    /// Whether this is the nil channel, on which every operation waits for ever.
    ///
    /// Go: `ch == nil`
    pub fn is_nil(&self) -> bool {
        self.0.0.is_nil()
    }
}

impl<T> Send<T> {
    /// The nil channel: every send and receive waits for ever, and it is never ready in a `select!`.
    ///
    /// Go: `var ch chan T`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::chan::Send::<i32>::nil();
    /// assert!(ch.is_nil() && ch.try_send(1).is_err());
    /// ```
    pub const fn nil() -> Self {
        Send(Handle::NIL)
    }

    /// Sends `value`.
    ///
    /// Go: `ch <- value`
    ///
    /// # Parks
    /// Until a receiver takes it or there is room. For ever on a nil channel.
    ///
    /// # Panics
    /// `send on closed channel`, also when it is closed while the send waits.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(1);
    /// ch.send("hello");
    /// assert_eq!(ch.recv(), Some("hello"));
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, value: T) {
        if self.checked_send(value).is_err() {
            panic!("send on closed channel");
        }
    }

    /// Sends `value`, or gives it back when the channel is, or gets, closed.
    ///
    /// # Parks
    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// [`SendError`] with the value: the channel is closed.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::new();
    /// ch.close();
    /// assert_eq!(ch.checked_send(1).unwrap_err().into_inner(), 1);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn checked_send(&self, value: T) -> Result<(), SendError<T>> {
        self.0.send(value, Location::caller())
    }

    /// Sends `value` if that needs no wait.
    ///
    /// Go: `select { case ch <- value: default: }`, but a closed channel is an error and no panic.
    ///
    /// # Errors
    /// [`TrySendError`] with the value: full (or nil), or closed.
    ///
    /// # Examples
    /// ```
    /// use goconc::chan::{Chan, TrySendError};
    ///
    /// let ch = Chan::with_capacity(1);
    /// assert_eq!(ch.try_send(1), Ok(()));
    /// assert_eq!(ch.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(value)
    }

    /// Closes the channel: nothing more will be sent. What is buffered can still be received; all receivers that wait get
    /// `None`, all senders that wait fail.
    ///
    /// Go: `close(ch)`
    ///
    /// # Panics
    /// `close of closed channel`, `close of nil channel`.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::new();
    /// ch.close();
    /// assert_eq!(ch.recv(), None);
    /// ```
    #[track_caller]
    pub fn close(&self) {
        if let Err(error) = self.checked_close() {
            panic!("{error}");
        }
    }

    /// Closes the channel, or says why not.
    ///
    /// # Errors
    /// [`CloseError`]: it is closed already, or nil.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::new();
    /// assert!(ch.checked_close().is_ok());
    /// assert!(ch.checked_close().is_err());
    /// ```
    pub fn checked_close(&self) -> Result<(), CloseError> {
        self.0.close()
    }

    /// How many values are buffered. Zero for an unbuffered or nil channel. A snapshot: it orders nothing.
    ///
    /// Go: `len(ch)`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(2);
    /// ch.send(1);
    /// assert_eq!((ch.len(), ch.cap()), (1, 2));
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values fit. Zero for an unbuffered or nil channel.
    ///
    /// Go: `cap(ch)`
    pub fn cap(&self) -> usize {
        self.0.cap()
    }

    /// Whether this is the nil channel, on which every operation waits for ever.
    ///
    /// Go: `ch == nil`
    pub fn is_nil(&self) -> bool {
        self.0.is_nil()
    }
}

impl<T> Recv<T> {
    /// The nil channel: every send and receive waits for ever, and it is never ready in a `select!`.
    ///
    /// Go: `var ch chan T`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::chan::Recv::<i32>::nil();
    /// assert!(ch.is_nil() && ch.try_recv().is_err());
    /// ```
    pub const fn nil() -> Self {
        Recv(Handle::NIL)
    }

    /// Receives the next value, or `None` once the channel is closed and drained.
    ///
    /// Go: `v, ok := <-ch`
    ///
    /// # Parks
    /// Until a value is sent or the channel is closed. For ever on a nil channel.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(2);
    /// ch.send(1);
    /// ch.close();
    /// assert_eq!(ch.recv(), Some(1));
    /// assert_eq!(ch.recv(), None);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Option<T> {
        self.0.recv(Location::caller())
    }

    /// Receives the next value, or the zero value once the channel is closed and drained.
    ///
    /// Go: `v := <-ch`
    ///
    /// # Parks
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::<i32>::new();
    /// ch.close();
    /// assert_eq!(ch.recv_or_default(), 0);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn recv_or_default(&self) -> T
    where
        T: Default,
    {
        self.recv().unwrap_or_default()
    }

    /// Receives a value if that needs no wait.
    ///
    /// Go: `select { case v, ok := <-ch: default: }`
    ///
    /// # Errors
    /// [`TryRecvError`]: empty (or nil), or closed and drained.
    ///
    /// # Examples
    /// ```
    /// use goconc::chan::{Chan, TryRecvError};
    ///
    /// let ch = Chan::<i32>::new();
    /// assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
    /// ch.close();
    /// assert_eq!(ch.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// The values to come, until the channel is closed and drained.
    ///
    /// Go: `for v := range ch`
    ///
    /// # Parks
    /// Each `next`, as [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(3);
    /// (1..=3).for_each(|i| ch.send(i));
    /// ch.close();
    /// assert_eq!(ch.iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { recv: self }
    }

    /// The values that are there now: ends when a receive would wait.
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(3);
    /// ch.send(1);
    /// assert_eq!(ch.try_iter().count(), 1);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { recv: self }
    }

    /// How many values are buffered. Zero for an unbuffered or nil channel. A snapshot: it orders nothing.
    ///
    /// Go: `len(ch)`
    ///
    /// # Examples
    /// ```
    /// let ch = goconc::Chan::with_capacity(2);
    /// ch.send(1);
    /// assert_eq!((ch.len(), ch.cap()), (1, 2));
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values fit. Zero for an unbuffered or nil channel.
    ///
    /// Go: `cap(ch)`
    pub fn cap(&self) -> usize {
        self.0.cap()
    }

    /// Whether this is the nil channel, on which every operation waits for ever.
    ///
    /// Go: `ch == nil`
    pub fn is_nil(&self) -> bool {
        self.0.is_nil()
    }
}

impl<T> Chan<T> {
    /// The receiving side, for a select.
    pub(crate) fn receiving(&self) -> &Recv<T> {
        &self.0
    }
}

impl<T> Recv<T> {
    pub(super) fn hchan(&self) -> Option<&Hchan<T>> {
        self.0.hchan()
    }
}

impl Recv<Instant> {
    /// The channel of a timer that is due in `delay` nanoseconds, and after that, unless `period` is zero, every `period`.
    pub(crate) fn clock(delay: u64, period: u64) -> Self {
        Recv(Handle::make_clock(delay, period))
    }

    /// Sets the timer behind this channel anew, or (`None`) stops it. Says whether it would have given a value. `None`: there is
    /// no timer behind it.
    pub(crate) fn set_clock(&self, delay: Option<u64>, period: u64) -> Option<bool> {
        self.0.set_clock(delay, period)
    }
}

impl<T> Send<T> {
    pub(super) fn hchan(&self) -> Option<&Hchan<T>> {
        self.0.hchan()
    }
}

impl<T> Clone for Chan<T> {
    /// Another handle to the same channel.
    #[inline]
    fn clone(&self) -> Self {
        Chan(self.0.clone())
    }
}

impl<T> Default for Chan<T> {
    /// The nil channel: the zero value, as in Go.
    fn default() -> Self {
        Chan::nil()
    }
}

impl<T> PartialEq for Chan<T> {
    /// Whether both are the same channel, or both nil.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Chan<T> {}

impl<T> Hash for Chan<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.debug("Chan", f)
    }
}

impl<T> Clone for Send<T> {
    /// Another handle to the same channel.
    #[inline]
    fn clone(&self) -> Self {
        Send(self.0.clone())
    }
}

impl<T> Default for Send<T> {
    /// The nil channel: the zero value, as in Go.
    fn default() -> Self {
        Send::nil()
    }
}

impl<T> PartialEq for Send<T> {
    /// Whether both are the same channel, or both nil.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Send<T> {}

impl<T> Hash for Send<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Send<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Send", f)
    }
}

impl<T> Clone for Recv<T> {
    /// Another handle to the same channel.
    #[inline]
    fn clone(&self) -> Self {
        Recv(self.0.clone())
    }
}

impl<T> Default for Recv<T> {
    /// The nil channel: the zero value, as in Go.
    fn default() -> Self {
        Recv::nil()
    }
}

impl<T> PartialEq for Recv<T> {
    /// Whether both are the same channel, or both nil.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Recv<T> {}

impl<T> Hash for Recv<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Recv<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Recv", f)
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<Chan<T>> for Send<T> {
    fn from(ch: Chan<T>) -> Self {
        Send(ch.0.0)
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<Chan<T>> for Recv<T> {
    fn from(ch: Chan<T>) -> Self {
        ch.0
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<&Chan<T>> for Chan<T> {
    fn from(ch: &Chan<T>) -> Self {
        ch.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<&Chan<T>> for Send<T> {
    fn from(ch: &Chan<T>) -> Self {
        ch.sender()
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<&Chan<T>> for Recv<T> {
    fn from(ch: &Chan<T>) -> Self {
        ch.receiver()
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<&Send<T>> for Send<T> {
    fn from(tx: &Send<T>) -> Self {
        tx.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<T> From<&Recv<T>> for Recv<T> {
    fn from(rx: &Recv<T>) -> Self {
        rx.clone()
    }
}

impl<'a, T> IntoIterator for &'a Chan<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Chan<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { recv: self.0 }
    }
}

impl<'a, T> IntoIterator for &'a Recv<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Recv<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { recv: self }
    }
}
