//! `Handle`: a counted reference to a channel, or nil. `Chan`, `Send` and `Recv` are one each.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::panic::{Location, RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use std::time::Instant;

use crate::chan::hchan::{Hchan, Now, wait_on_nil};
use crate::chan::{CloseError, SendError, TryRecvError, TrySendError};
use crate::gmp::WaitReason;

/// A reference to a channel. `None` is the nil channel.
///
/// Invariant in `T`, as what values go into and come out of must be: a `Chan<&'static str>` that could pass for a `Chan` of
/// shorter-lived ones would take those in and give them out as `'static`.
pub(super) struct Handle<T>(Option<NonNull<Hchan<T>>>, PhantomData<fn(T) -> T>);

// SAFETY: a channel moves values of type T between threads, and is locked for everything else.
unsafe impl<T: core::marker::Send> core::marker::Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T: core::marker::Send> Sync for Handle<T> {}
// A panic cannot leave a channel half changed: no user code runs under its lock.
impl<T> UnwindSafe for Handle<T> {}
impl<T> RefUnwindSafe for Handle<T> {}

impl<T> Handle<T> {
    pub(super) const NIL: Self = Handle(None, PhantomData);

    #[track_caller]
    pub(super) fn make(capacity: usize) -> Self {
        match Hchan::make(capacity) {
            Some(hchan) => Handle(Some(hchan), PhantomData),
            None => panic!("makechan: size out of range"),
        }
    }

    #[inline(always)]
    pub(super) fn hchan(&self) -> Option<&Hchan<T>> {
        // SAFETY: our reference keeps it alive.
        self.0.map(|hchan| unsafe { &*hchan.as_ptr() })
    }

    pub(super) fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    #[inline(always)]
    pub(super) fn send(&self, value: T, at: &'static Location<'static>) -> Result<(), SendError<T>> {
        match self.hchan() {
            Some(c) => c.send(value, at).map_err(SendError),
            None => wait_on_nil(WaitReason::ChanSendNil, at),
        }
    }

    #[inline]
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let Some(c) = self.hchan() else {
            return Err(TrySendError::Full(value));
        };
        c.try_send(value).map_err(|(now, value)| match now {
            Now::Closed => TrySendError::Closed(value),
            _ => TrySendError::Full(value),
        })
    }

    #[inline(always)]
    pub(super) fn recv(&self, at: &'static Location<'static>) -> Option<T> {
        match self.hchan() {
            Some(c) => c.recv(at),
            None => wait_on_nil(WaitReason::ChanReceiveNil, at),
        }
    }

    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.hchan().map_or(Now::NotReady, Hchan::try_recv) {
            Now::Ready(value) => Ok(value),
            Now::NotReady => Err(TryRecvError::Empty),
            Now::Closed => Err(TryRecvError::Closed),
        }
    }

    pub(super) fn close(&self) -> Result<(), CloseError> {
        match self.hchan() {
            None => Err(CloseError::Nil),
            Some(c) if c.close() => Ok(()),
            Some(_) => Err(CloseError::Closed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hchan().map_or(0, Hchan::len)
    }

    pub(super) fn cap(&self) -> usize {
        self.hchan().map_or(0, Hchan::cap)
    }

    fn address(&self) -> usize {
        self.0.map_or(0, |hchan| hchan.as_ptr() as usize)
    }

    /// `Chan(0x7f.., 2/8)`: which channel, how full.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => write!(f, "{name}(nil)"),
            Some(hchan) => write!(f, "{name}({hchan:p}, {}/{})", self.len(), self.cap()),
        }
    }
}

impl Handle<Instant> {
    /// A clock channel: see [`Hchan::make_clock`].
    pub(super) fn make_clock(delay: u64, period: u64) -> Self {
        Handle(Some(Hchan::make_clock(delay, period)), PhantomData)
    }

    /// As [`Hchan::set_clock`].
    pub(super) fn set_clock(&self, delay: Option<u64>, period: u64) -> Option<bool> {
        self.hchan()?.set_clock(delay, period)
    }
}

impl<T> Clone for Handle<T> {
    #[inline]
    fn clone(&self) -> Self {
        if let Some(c) = self.hchan() {
            c.retain();
        }
        Handle(self.0, PhantomData)
    }
}

impl<T> Drop for Handle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(hchan) = self.0 {
            // SAFETY: our reference kept it alive, and is given up here.
            unsafe { Hchan::release(hchan) };
        }
    }
}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl<T> Eq for Handle<T> {}

impl<T> Hash for Handle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}
