//! G, M and P: what they are and who may touch what.
//!
//! * **G**, a goroutine that has started: its stack, and a header at the top of that stack's slot. A G belongs to whoever
//!   took it last: the M that runs it, the queue it is in, or the wait list it is in. One that has not started yet, or that
//!   naps (it began with a sleep), is a [`Record`](record::Record): a closure and where it came from, no stack.
//! * **M**, an OS thread of ours: the queue of Gs that are at home on it and of those that have napped, its inbox, its free lists.
//!   Only the thread itself touches these, except the inbox (anyone) and, when [`Retake`](retake::Retake) says so, sysmon.
//! * **P**, the right to run goroutines; there are GOMAXPROCS of them. It carries the unstarted Gs (`fresh` is private to
//!   the M that holds the P, `shared` may be stolen from) and the timers. An M without a P runs no scheduler code but the
//!   wait for one.
//!
//! None of them is ever freed: a G's slot, an M and a P are reused, so a stale pointer reads old news and never garbage.

pub(crate) mod g;
pub(crate) mod m;
pub(crate) mod p;
pub(crate) mod record;
pub(crate) mod retake;
pub(crate) mod unwinding;

pub(crate) use g::{Commit, G, Local, WaitReason};
pub(crate) use m::M;
pub(crate) use p::P;
pub(crate) use record::Record;

use core::num::NonZero;
use core::ptr::NonNull;

/// Something that can run: an unstarted goroutine or a started one. One word, the lowest bit tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Runnable(NonZero<usize>);

/// The two kinds of [`Runnable`].
pub(crate) enum Kind {
    /// Has no stack yet.
    Unstarted(NonNull<Record>),
    /// Has one.
    Started(&'static G),
}

const UNSTARTED: usize = 1;

impl Runnable {
    /// A goroutine that has not started.
    #[inline]
    pub(crate) fn unstarted(record: NonNull<Record>) -> Self {
        Runnable(record.expose_provenance() | UNSTARTED)
    }

    /// A started goroutine.
    #[inline]
    pub(crate) fn started(g: &'static G) -> Self {
        Runnable(NonNull::from(g).expose_provenance())
    }

    /// Which of the two it is.
    #[inline]
    pub(crate) fn kind(self) -> Kind {
        let word = self.0.get();
        if word & UNSTARTED != 0 {
            let record = (word & !UNSTARTED) as *mut Record;
            // SAFETY: made from a NonNull by `unstarted`; records are 64-aligned, so the bit was free.
            Kind::Unstarted(unsafe { NonNull::new_unchecked(record) })
        } else {
            // SAFETY: made from a `&'static G` by `started`.
            Kind::Started(unsafe { &*(word as *const G) })
        }
    }

    /// The word, for links.
    #[inline]
    pub(crate) fn to_word(self) -> usize {
        self.0.get()
    }

    /// The way back from [`to_word`](Self::to_word); zero is nobody.
    ///
    /// # Safety
    /// * `word` is zero or came from `to_word` of a goroutine that is still the same.
    #[inline]
    pub(crate) unsafe fn from_word(word: usize) -> Option<Self> {
        NonZero::new(word).map(Runnable)
    }

    /// The goroutine, if it has started.
    #[inline]
    pub(crate) fn as_started(self) -> Option<&'static G> {
        match self.kind() {
            Kind::Unstarted(_) => None,
            Kind::Started(g) => Some(g),
        }
    }

    /// What comes behind it in a chain; see [`to_word`](Self::to_word). By its owner.
    #[inline]
    fn next(self) -> usize {
        match self.kind() {
            // SAFETY: a runnable record stays valid until it is started, and is owned by whoever holds this word.
            Kind::Unstarted(record) => unsafe { record.as_ref() }.link(),
            Kind::Started(g) => g.link.get(),
        }
    }

    /// Puts `word` behind it. By its owner.
    #[inline]
    fn set_next(self, word: usize) {
        match self.kind() {
            // SAFETY: as in `next`.
            Kind::Unstarted(record) => unsafe { record.as_ref() }.set_link(word),
            Kind::Started(g) => g.link.set(word),
        }
    }
}

/// Goroutines linked one behind the other: what is published and stolen with one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    head: usize,
}

impl Chain {
    /// Links `items`, first to run first. `None` when there are none.
    pub(crate) fn link(items: &mut dyn Iterator<Item = Runnable>) -> Option<Chain> {
        let head = items.next()?;
        let mut last = head;
        for item in items {
            last.set_next(item.to_word());
            last = item;
        }
        last.set_next(0);
        Some(Chain { head: head.to_word() })
    }

    /// A chain of one.
    pub(crate) fn of(item: Runnable) -> Chain {
        item.set_next(0);
        Chain { head: item.to_word() }
    }

    /// Takes the first one off.
    pub(crate) fn pop(&mut self) -> Option<Runnable> {
        // SAFETY: chains are only made by `link`, of goroutines that whoever holds the chain owns.
        let first = unsafe { Runnable::from_word(self.head) }?;
        self.head = first.next();
        Some(first)
    }
}
