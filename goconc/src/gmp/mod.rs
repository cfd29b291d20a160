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
pub(crate) mod here;
pub(crate) mod m;
pub(crate) mod p;
pub(crate) mod record;
pub(crate) mod retake;
pub(crate) mod unwinding;

pub(crate) use g::{Commit, G, How, Local, Turn, WaitReason};
pub(crate) use m::M;
pub(crate) use p::P;
pub(crate) use record::Record;

use core::num::NonZero;
use core::ptr::NonNull;

use crate::queue::bundle::Bundle;

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

/// Goroutines that go together: what is published and stolen with one exchange. Linked one behind the other, or, unstarted ones, in a
/// bundle: their records have often left the cache, and of a bundle all can be fetched at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// The first [`Runnable`], or a bundle of addresses of records.
    head: usize,
}

/// In a chain's word: it is a bundle.
const BUNDLE: usize = 2;

impl Chain {
    /// A chain of the records whose addresses are in `bundle`.
    pub(crate) fn of_bundle(bundle: Bundle) -> Chain {
        Chain { head: bundle.to_word() | BUNDLE }
    }

    /// What it consists of.
    #[inline]
    pub(crate) fn open(self) -> Parts {
        if self.head & BUNDLE != 0 {
            // SAFETY: made by `of_bundle`; whoever holds the chain owns the bundle.
            Parts::Bundle(unsafe { Bundle::from_word(self.head & !BUNDLE) })
        } else {
            Parts::Links(Links(self.head))
        }
    }

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
}

/// What a [`Chain`] consists of.
pub(crate) enum Parts {
    /// Addresses of records.
    Bundle(Bundle),
    /// Goroutines that are linked.
    Links(Links),
}

/// Goroutines that are linked, first to run first. Each is taken off when it comes.
pub(crate) struct Links(usize);

impl Iterator for Links {
    type Item = Runnable;

    fn next(&mut self) -> Option<Runnable> {
        // SAFETY: made by `Chain::link` or `of`, of goroutines that whoever holds this owns.
        let first = unsafe { Runnable::from_word(self.0) }?;
        self.0 = first.next();
        Some(first)
    }
}
