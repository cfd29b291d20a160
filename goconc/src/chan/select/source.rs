//! What an arm can name: what is received from, and what is sent to.

use std::sync::Arc;

use crate::chan::select::case::Case;
use crate::chan::select::slot::{FromChannel, FromWaitable, Slot};
use crate::chan::select::waiters::Waitable;
use crate::chan::{Chan, Recv, Send, TryRecvError, TrySendError};

/// What can be received from in a select. `Way` is how it is found, and says nothing: it lets channels, waitables and
/// references to them be told apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from",
    label = "nothing comes out of this",
    note = "a receive arm `v = <-ch` takes a `Chan<T>` or a `Recv<T>`; a `Send<T>` only sends: `ch <- value`"
)]
pub trait Source<Way> {
    /// What comes out.
    type Item;
    /// What `v = <-source` makes of it.
    type Kind;

    /// A case that receives into `slot`.
    fn case<'a>(&'a self, slot: &'a mut Slot<Self::Item, Self::Kind>) -> Case<'a>;

    /// A select of this one.
    #[track_caller]
    fn receive(&self) -> Slot<Self::Item, Self::Kind>;

    /// A select of this one and a default. `None`: the default.
    fn try_receive(&self) -> Option<Slot<Self::Item, Self::Kind>>;
}

/// What can be sent to in a select.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to",
    label = "nothing goes into this",
    note = "a send arm `ch <- value` takes a `Chan<T>` or a `chan::Send<T>`; a `Recv<T>` only receives: `v = <-ch`"
)]
pub trait Target {
    /// What goes in.
    type Item;

    /// A case that sends what `slot` holds.
    fn case<'a>(&'a self, slot: &'a mut Slot<Self::Item>) -> Case<'a>;

    /// A select of this one.
    #[track_caller]
    fn transmit(&self, value: Self::Item);

    /// A select of this one and a default. False: the default.
    #[track_caller]
    fn try_transmit(&self, value: Self::Item) -> bool;
}

/// A channel.
#[derive(Debug)]
pub enum Direct {}
/// A waitable.
#[derive(Debug)]
pub enum Asked {}
/// A reference to what is found in the way `W`.
#[derive(Debug)]
pub struct Behind<W>(W);

impl<T> Source<Direct> for Recv<T> {
    type Item = T;
    type Kind = FromChannel;

    #[inline(always)]
    fn case<'a>(&'a self, slot: &'a mut Slot<T>) -> Case<'a> {
        Case::receiving(self.hchan(), slot)
    }

    #[inline(always)]
    #[track_caller]
    fn receive(&self) -> Slot<T> {
        Slot::of(self.recv())
    }

    #[inline(always)]
    fn try_receive(&self) -> Option<Slot<T>> {
        match self.try_recv() {
            Ok(value) => Some(Slot::of(Some(value))),
            Err(TryRecvError::Closed) => Some(Slot::of(None)),
            Err(TryRecvError::Empty) => None,
        }
    }
}

impl<T> Source<Direct> for Chan<T> {
    type Item = T;
    type Kind = FromChannel;

    #[inline(always)]
    fn case<'a>(&'a self, slot: &'a mut Slot<T>) -> Case<'a> {
        self.receiving().case(slot)
    }

    #[inline(always)]
    #[track_caller]
    fn receive(&self) -> Slot<T> {
        self.receiving().receive()
    }

    #[inline(always)]
    fn try_receive(&self) -> Option<Slot<T>> {
        self.receiving().try_receive()
    }
}

#[diagnostic::do_not_recommend]
impl<W: Waitable> Source<Asked> for W {
    type Item = W::Output;
    type Kind = FromWaitable;

    fn case<'a>(&'a self, slot: &'a mut Slot<W::Output, FromWaitable>) -> Case<'a> {
        Case::asking(self, slot)
    }

    #[track_caller]
    fn receive(&self) -> Slot<W::Output, FromWaitable> {
        Slot::of(Some(self.waiters().wait_until(|| self.try_take())))
    }

    fn try_receive(&self) -> Option<Slot<W::Output, FromWaitable>> {
        self.try_take().map(|value| Slot::of(Some(value)))
    }
}

/// A reference, or what shares, stands for what it refers to.
macro_rules! source_behind {
    ($($pointer:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl<W, C: Source<W> + ?Sized> Source<Behind<W>> for $pointer {
            type Item = C::Item;
            type Kind = C::Kind;

            #[inline(always)]
            fn case<'a>(&'a self, slot: &'a mut Slot<C::Item, C::Kind>) -> Case<'a> {
                (**self).case(slot)
            }

            #[inline(always)]
            #[track_caller]
            fn receive(&self) -> Slot<C::Item, C::Kind> {
                (**self).receive()
            }

            #[inline(always)]
            fn try_receive(&self) -> Option<Slot<C::Item, C::Kind>> {
                (**self).try_receive()
            }
        }
    )*};
}

source_behind!(&C, &mut C, Arc<C>);

impl<T> Target for Send<T> {
    type Item = T;

    #[inline(always)]
    fn case<'a>(&'a self, slot: &'a mut Slot<T>) -> Case<'a> {
        Case::sending(self.hchan(), slot)
    }

    #[inline(always)]
    #[track_caller]
    fn transmit(&self, value: T) {
        self.send(value);
    }

    #[inline(always)]
    #[track_caller]
    fn try_transmit(&self, value: T) -> bool {
        sent(self.try_send(value))
    }
}

impl<T> Target for Chan<T> {
    type Item = T;

    #[inline(always)]
    fn case<'a>(&'a self, slot: &'a mut Slot<T>) -> Case<'a> {
        Case::sending(self.receiving().hchan(), slot)
    }

    #[inline(always)]
    #[track_caller]
    fn transmit(&self, value: T) {
        self.send(value);
    }

    #[inline(always)]
    #[track_caller]
    fn try_transmit(&self, value: T) -> bool {
        sent(self.try_send(value))
    }
}

#[inline(always)]
#[track_caller]
fn sent<T>(result: Result<(), TrySendError<T>>) -> bool {
    match result {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => false,
        Err(TrySendError::Closed(_)) => panic!("send on closed channel"),
    }
}

/// As for [`Source`].
macro_rules! target_behind {
    ($($pointer:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl<C: Target + ?Sized> Target for $pointer {
            type Item = C::Item;

            #[inline(always)]
            fn case<'a>(&'a self, slot: &'a mut Slot<C::Item>) -> Case<'a> {
                (**self).case(slot)
            }

            #[inline(always)]
            #[track_caller]
            fn transmit(&self, value: C::Item) {
                (**self).transmit(value);
            }

            #[inline(always)]
            #[track_caller]
            fn try_transmit(&self, value: C::Item) -> bool {
                (**self).try_transmit(value)
            }
        }
    )*};
}

target_behind!(&C, &mut C, Arc<C>);
