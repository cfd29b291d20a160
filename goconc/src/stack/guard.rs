//! Guard pages: three ways to make them, and which of them this kernel has.
//!
//! | mode | one guard costs | needs |
//! |---|---|---|
//! | `ProcessMadvise` | a share of one call for the whole row | Linux 6.13 and `pidfd_open` |
//! | `Madvise` | a call | Linux 6.13 |
//! | `Mprotect` | a call and two mappings of `vm.max_map_count` | nothing, up to a budget |
//!
//! Invariants:
//!  - what [`Advice::install`] and [`Guards::install`] report as guarded is guarded; the second falls from one way to the next and
//!    then fails;
//!  - `protected <= budget`, so that the guards leave the program half of its mappings.

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::stack::StackError;
use crate::sys::mem;

/// Mappings that are kept for the program in any case, on top of the half that guards do not use.
const RESERVE_OF_MAPPINGS: usize = 2000;

/// The ranges of one call. They lie on the caller's stack; past a hundred, a larger batch gains nothing measurable.
const BATCH: usize = 128;
const _: () = assert!(BATCH <= mem::MAX_RANGES);

/// How guard pages are made. Ordered from the one that always works to the best one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GuardMode {
    /// `mprotect(PROT_NONE)`: two mappings per stack, so their number is limited.
    Mprotect,
    /// `MADV_GUARD_INSTALL`, one call per stack.
    Madvise,
    /// `MADV_GUARD_INSTALL` of many stacks with one `process_madvise`.
    ProcessMadvise,
}

impl fmt::Display for GuardMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuardMode::Mprotect => "mprotect",
            GuardMode::Madvise => "MADV_GUARD_INSTALL (madvise)",
            GuardMode::ProcessMadvise => "MADV_GUARD_INSTALL (process_madvise)",
        })
    }
}

/// Guards that are to be made: the lowest `len` bytes of each of `count` slots, which begin `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Where the first slot begins.
    pub(super) lo: usize,
    /// The size of a slot.
    pub(super) stride: usize,
    /// The size of a guard.
    pub(super) len: usize,
    /// How many slots.
    pub(super) count: usize,
}

impl Row {
    fn guard(&self, index: usize) -> usize {
        self.lo + index * self.stride
    }
}

/// What makes the guards.
#[derive(Debug)]
pub(super) struct Guards {
    mode: GuardMode,
    /// This process; there is one in mode `ProcessMadvise`.
    me: Option<OwnedFd>,
    /// How many guards mprotect has made.
    protected: usize,
    /// How many it may make.
    budget: usize,
}

/// The ways that need no lock: threads may guard different rows at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advice {
    mode: GuardMode,
    /// The descriptor of `Guards::me`, which is never closed.
    me: Option<RawFd>,
}

impl Advice {
    /// Guards a row, in the way of the mode; returns how many slots from the first on, perhaps none.
    ///
    /// # Safety
    /// As for [`Guards::install`].
    pub(super) unsafe fn install(self, row: Row) -> usize {
        // SAFETY: the caller's promise, which is the same.
        unsafe { self.advise(row, 0) }
    }

    /// Guards slots `done..` with madvise, in the way of the mode; returns how many of the row are guarded then.
    ///
    /// # Safety
    /// As for [`Guards::install`].
    unsafe fn advise(self, row: Row, done: usize) -> usize {
        if self.mode == GuardMode::Mprotect {
            return done;
        }
        // SAFETY: the caller's promise, which is the same.
        let done = unsafe { self.advise_batches(row, done) };
        // After a fork the descriptor is another process's, and a program may close it: then one by one.
        let refused = (done..row.count).find(|&index| {
            // SAFETY: the guard of a slot of the row.
            unsafe { mem::guard_install(row.guard(index), row.len) }.is_err()
        });
        refused.unwrap_or(row.count)
    }

    /// As [`advise`](Advice::advise), with process_madvise, until it fails. Does nothing in other modes.
    ///
    /// # Safety
    /// As for [`Guards::install`].
    unsafe fn advise_batches(self, row: Row, mut done: usize) -> usize {
        let Some(me) = self.me else { return done };
        let mut ranges = [mem::range(0, 0); BATCH];
        while done < row.count {
            let batch = &mut ranges[..BATCH.min(row.count - done)];
            for (index, range) in batch.iter_mut().enumerate() {
                *range = mem::range(row.guard(done + index), row.len);
            }
            // SAFETY: the guards of slots of the row, at most BATCH of them.
            match unsafe { mem::guard_install_many(me, batch) } {
                Ok(bytes) if bytes >= row.len => done += bytes / row.len,
                _ => break,
            }
        }
        done
    }
}

impl Guards {
    /// Finds the best mode that works here and is not better than `best`.
    pub(super) fn probe(best: GuardMode) -> Guards {
        let budget = (mem::max_map_count() / 2).saturating_sub(RESERVE_OF_MAPPINGS);
        let mut guards = Guards { mode: best, me: None, protected: 0, budget };
        if best == GuardMode::ProcessMadvise {
            guards.me = mem::self_pidfd().ok();
        }
        if guards.me.is_none() || !guards.works() {
            guards.me = None;
            guards.mode = best.min(GuardMode::Madvise);
        }
        if guards.mode == GuardMode::Madvise && !guards.works() {
            guards.mode = GuardMode::Mprotect;
        }
        guards
    }

    /// The mode in force.
    pub(super) fn mode(&self) -> GuardMode {
        self.mode
    }

    /// How many guards are mappings of their own, made by mprotect.
    pub(super) fn protected(&self) -> usize {
        self.protected
    }

    /// The ways that need no lock.
    pub(super) fn advice(&self) -> Advice {
        Advice { mode: self.mode, me: self.me.as_ref().map(AsRawFd::as_raw_fd) }
    }

    /// Guards a row of which the first `done` are guarded, or as much of it as is possible: returns how many slots from the first
    /// on, at least one.
    ///
    /// # Safety
    /// - the row lies in committed memory of [`mem::reserve`];
    /// - nothing uses the guards' bytes.
    pub(super) unsafe fn install(&mut self, row: Row, mut done: usize) -> Result<usize, StackError> {
        if done < row.count && self.mode != GuardMode::Mprotect {
            // Refused. Most likely the program has called mlockall since the arena was made.
            let _ = mem::unlock(row.guard(done), (row.count - done) * row.stride);
            // SAFETY: the caller's promise, which is the same.
            done = unsafe { self.advice().advise(row, done) };
        }
        if done < row.count {
            // SAFETY: as above.
            done = unsafe { self.protect(row, done) };
        }
        if done == 0 { Err(StackError::Guards { stacks: self.protected }) } else { Ok(done) }
    }

    /// Guards slots `done..` with mprotect until the budget is spent or the kernel refuses.
    ///
    /// # Safety
    /// As for [`install`](Guards::install).
    unsafe fn protect(&mut self, row: Row, mut done: usize) -> usize {
        while done < row.count && self.protected < self.budget {
            // SAFETY: the guard of a slot of the row.
            if unsafe { mem::guard_protect(row.guard(done), row.len) }.is_err() {
                break;
            }
            done += 1;
            self.protected += 1;
        }
        done
    }

    /// Tries the mode on two pages of its own, and believes only what the kernel does when the guard is touched:
    /// emulators accept advice that they do not know.
    fn works(&self) -> bool {
        let page = mem::page_size();
        let Ok(lo) = mem::reserve(2 * page) else { return false };
        // SAFETY: just reserved.
        let committed = unsafe { mem::commit(lo, 2 * page) }.is_ok();
        let _ = mem::unlock(lo, 2 * page);
        let row = Row { lo, stride: 2 * page, len: page, count: 1 };
        let done = if self.me.is_some() {
            // SAFETY: committed, if at all; nothing uses it.
            unsafe { self.advice().advise_batches(row, 0) }
        } else {
            // SAFETY: as above.
            unsafe { self.advice().advise(row, 0) }
        };
        // SAFETY: nothing uses the first page.
        let guarded = unsafe { mem::is_guarded(lo) };
        // SAFETY: nothing uses the second page.
        let only_it = !unsafe { mem::is_guarded(lo + page) };
        // SAFETY: reserved above, and not used any more.
        let _ = unsafe { mem::unmap(lo, 2 * page) };
        committed && done == 1 && guarded && only_it
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIDE: usize = 64 << 10;

    /// A committed row of slots, unmapped at the end.
    struct Committed(Row);

    impl Committed {
        fn new(count: usize) -> Committed {
            let len = mem::page_size();
            let lo = mem::reserve(count * STRIDE).expect("address space");
            // SAFETY: just reserved.
            unsafe { mem::commit(lo, count * STRIDE) }.expect("memory");
            Committed(Row { lo, stride: STRIDE, len, count })
        }

        fn guarded(&self) -> usize {
            // SAFETY: nothing uses these slots.
            (0..self.0.count).take_while(|&i| unsafe { mem::is_guarded(self.0.guard(i)) }).count()
        }
    }

    impl Drop for Committed {
        fn drop(&mut self) {
            // SAFETY: our own, not used any more.
            unsafe { mem::unmap(self.0.lo, self.0.count * STRIDE) }.expect("our own mapping");
        }
    }

    #[test]
    fn every_mode_guards_the_whole_row() {
        for best in [GuardMode::Mprotect, GuardMode::Madvise, GuardMode::ProcessMadvise] {
            for count in [1, 7, BATCH, 1024, 3000] {
                let mut guards = Guards::probe(best);
                assert!(guards.mode() <= best);
                let row = Committed::new(count);
                // SAFETY: a committed row of our own.
                assert_eq!(unsafe { guards.install(row.0, 0) }, Ok(count), "{best}");
                assert_eq!(row.guarded(), count, "{best}");
                assert_eq!(guards.protected() > 0, guards.mode() == GuardMode::Mprotect);
            }
        }
    }

    #[test]
    fn the_budget_of_mprotect_ends_in_an_error() {
        let mut guards = Guards::probe(GuardMode::Mprotect);
        guards.budget = 5;
        let row = Committed::new(8);
        // SAFETY: a committed row of our own.
        assert_eq!(unsafe { guards.install(row.0, 0) }, Ok(5));
        assert_eq!(row.guarded(), 5);
        // SAFETY: as above.
        assert_eq!(unsafe { guards.install(row.0, 0) }, Err(StackError::Guards { stacks: 5 }));
    }

    #[test]
    fn a_lost_descriptor_costs_speed_only() {
        let mut guards = Guards::probe(GuardMode::ProcessMadvise);
        if guards.me.is_some() {
            guards.me = Some(std::fs::File::open("/dev/null").expect("/dev/null").into());
        }
        let row = Committed::new(7);
        // SAFETY: a committed row of our own.
        assert_eq!(unsafe { guards.install(row.0, 0) }, Ok(7));
        assert_eq!(row.guarded(), 7);
    }
}
