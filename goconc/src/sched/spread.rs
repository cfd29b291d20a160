//! Sticky goroutines spread: an M on which many have work to do lets new ones begin on another M.
//!
//! A goroutine that has begun never leaves its M then, and a single child of a parent that parks begins at home. So a program that
//! grows child by child, such as a chain of filters, would live on one M for ever. What could be run elsewhere are the children to
//! come. But those that talk across Ms pay ten times as much for a message, and nothing says who will talk to whom. So:
//! * An M gives only while it is *crowded*: for a while now [`CROWD`] others have waited here for their turn, at each look. Goroutines
//!   that take turns, a pair or a ring, wait for each other in channels, not in the queue: nothing would run in parallel, and they stay.
//! * It gives many in a row to the same M, until that one has more at home by an eighth of both. Children of neighbours in time are
//!   neighbours, as a rule: the longer the runs, the fewer messages cross. That the other one has more then is on purpose:
//!   it makes the next run longer.
//! * It gives nothing to an M with mail that it does not take out: that one computes, or is blocked.
//! * It judges what came of it, by its mail. Goroutines that are woken from elsewhere for more than every 16th step talk
//!   across: the M gives none for a while, and for twice as long each time.
//!
//! **On the way** a goroutine that has not begun needs a carrier, for inboxes link waiters: a dead G, which gets its record and
//! is no one else's until it has arrived. The M that takes it out of its inbox makes it its own and begins it (`M::take_over`); if it
//! must not, the goroutine goes to the global queue. An M without a thread would never look: whether the receiver has one
//! is asked, and the push is done, under the scheduler's lock (`idle::send`), where an M gives up its thread (`stop::leave_m`).

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::gmp::{Chain, G, M, P, Record, Runnable, p};
use crate::migration;
use crate::sched::find::RARELY;
use crate::sched::{global_push, gomaxprocs, idle};

/// So many wait for their turn where it is crowded.
const CROWD: usize = 8;
/// So many must wait at the very moment, for the crowd may have gone since it was looked at.
const CROWD_NOW: usize = 2;
/// So many looks in a row, or so, make it crowded; a look that finds it empty takes back half.
const CROWDED: u32 = 16;
/// It is crowded no longer below that.
const CROWDED_STILL: u32 = 4;
/// No more looks than that are remembered.
const CROWDED_MOST: u32 = 64;
/// So many goroutines at home are enough to be worth a second M.
const MANY_AT_HOME: u64 = 64;
/// What is given, and to whom, is decided every so many looks: a thousand picks, some 20 us of messages.
const LOOKS: u32 = 16;
/// Letters between two decisions that are too many.
const MUCH_MAIL: u64 = (LOOKS * RARELY / 16) as u64;
/// The longest rest is 2^12 decisions, some 100 ms.
const LONGEST_REST: u32 = 12;

impl M {
    /// Every 61st pick: is it crowded here? Now and then: should new goroutines begin elsewhere?
    #[inline]
    pub(super) fn look_at_the_crowd(&'static self) {
        if !migration::sticky() || gomaxprocs() == 1 {
            return;
        }
        let spread = &self.spread;
        // SAFETY: we are this M, in the runtime.
        let many = unsafe { self.home() }.len() >= CROWD;
        let crowded = spread.crowded.get();
        spread.crowded.set(if many { (crowded + 1).min(CROWDED_MOST) } else { crowded / 2 });
        spread.looks.set(spread.looks.get() + 1);
        if spread.looks.get() >= LOOKS {
            spread.looks.set(0);
            self.decide_what_to_give();
        }
    }

    #[cold]
    fn decide_what_to_give(&'static self) {
        let spread = &self.spread;
        let mail = self.tally.mail.load(Ordering::Relaxed); // written by this thread
        let letters = mail - spread.mail_seen.replace(mail);
        if letters > MUCH_MAIL && spread.rest.get() == 0 {
            spread.bad.set((spread.bad.get() + 1).min(LONGEST_REST));
            spread.rest.set(1 << spread.bad.get());
        }
        spread.rest.set(spread.rest.get().saturating_sub(1));
        spread.gives.set(spread.rest.get() == 0 && self.goes_on_giving());
    }

    /// Whether it should give, and goes on to give to whom it gives already, or has found somebody.
    fn goes_on_giving(&'static self) -> bool {
        let spread = &self.spread;
        if spread.gives.get()
            && let Some(to) = spread.to.get()
        {
            // Relaxed: a hint. Who has not looked into its inbox since the last decision computes, or is blocked.
            let taken = to.tally.mail.load(Ordering::Relaxed);
            let stuck = spread.taken_seen.replace(taken) == taken && !to.inbox.is_empty();
            return !stuck && spread.crowded.get() >= CROWDED_STILL && !more(to.at_home(), self.at_home());
        }
        if spread.crowded.get() < CROWDED || self.at_home() < MANY_AT_HOME {
            return false;
        }
        let least = idle::least_at_home(self).filter(|m| more(self.at_home(), m.at_home()));
        spread.taken_seen.set(least.map_or(0, |to| to.tally.mail.load(Ordering::Relaxed))); // a hint, as above
        spread.to.set(least);
        least.is_some() || idle::some_p_is_new()
    }

    /// The newest goroutine has just been started, alone: it begins elsewhere, if we give, and if many wait here right now. False:
    /// it stays.
    #[cold]
    pub(super) fn give(&'static self, p: &'static P, private: &mut p::Private) -> bool {
        // SAFETY: we are this M, in the runtime.
        if unsafe { self.home() }.len() < CROWD_NOW || self.exclusive() {
            return false;
        }
        let Some(record) = private.fresh.pop() else { return false };
        let given = match self.spread.to.get() {
            Some(to) => self.send(to, record),
            None => {
                // A P without an M: who wakes up for it finds it.
                p.publish(&private.shared, Chain::of(Runnable::unstarted(record)));
                idle::submitted();
                true
            }
        };
        if !given {
            private.fresh.push(record);
            self.spread.gives.set(false);
        }
        p.note_len(private.fresh.len());
        given
    }

    /// Sends a goroutine that has not begun to M `to`.
    fn send(&'static self, to: &'static M, record: NonNull<Record>) -> bool {
        // SAFETY: we took the record from a queue.
        let g = self.dead_g(unsafe { record.as_ref() }.class());
        g.record.set(Some(record));
        g.set_m(self); // so that it is not at home where it arrives, and `take_over` is asked
        let sent = idle::send(to, NonNull::from(g.node()));
        if !sent {
            g.record.set(None);
            self.keep_dead(g);
        }
        sent
    }

    /// A goroutine that has not begun has come here: it begins. If it must not here, it goes to whoever may, and this says no.
    #[cold]
    pub(super) fn receive(&'static self, g: &'static G, record: NonNull<Record>) -> bool {
        if !self.exclusive() {
            self.start_on(g, record);
            return true;
        }
        self.keep_dead(g);
        global_push(Chain::of(Runnable::unstarted(record)));
        idle::submitted();
        false
    }

    /// The M has given up its thread: what had been sent to it meanwhile, or has napped, goes to others.
    #[cold]
    pub(super) fn pass_on_what_came(&'static self) {
        self.drain_inbox();
        // SAFETY: we are this M, in the runtime; nobody else has its queue before it has a thread again.
        while let Some(mut next) = unsafe { self.home() }.pop_front() {
            if let Some(carrier) = next.as_started() {
                let Some(record) = carrier.record.take() else { continue };
                self.keep_dead(carrier);
                next = Runnable::unstarted(record);
            }
            global_push(Chain::of(next));
        }
        idle::submitted();
    }
}

/// Whether `many` are more than `few` by more than an eighth of both.
fn more(many: u64, few: u64) -> bool {
    many > few + (many + few) / 8
}
