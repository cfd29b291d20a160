//! Mirrors what `gmp::record` does with the place of a nap: a dump that looks at a record at any moment sees where its goroutine
//! naps, or nothing, and never takes another link for that.
//!
//! Fails with the flaws `begin` (the mark is set with Relaxed), `end` (no fence between the mark and the next link), `number` (a number
//! is stored with Relaxed), `free` (that of a free record is taken for a number) and `look` (the dump does not look a second time).

use std::sync::Arc;

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::sync::atomic::{AtomicU64, AtomicUsize, fence};
use loom::thread;

use crate::models::Flaw;

const NAPS: u64 = 1;
/// A place. Every other link is garbage to a dump.
const PLACE: [usize; 3] = [0, 1001, 1002];
const GARBAGE: usize = 7;

struct Record {
    link: AtomicUsize,
    id: AtomicU64,
    kin: AtomicU64,
    flaw: Flaw,
}

impl Record {
    fn nap_begins(&self, id: usize) {
        self.link.store(PLACE[id], Relaxed);
        let kin = self.kin.load(Relaxed) | NAPS;
        self.kin.store(kin, if self.flaw.is("begin") { Relaxed } else { Release });
    }

    fn nap_ends(&self) {
        let kin = self.kin.load(Relaxed) & !NAPS;
        self.kin.store(kin, Relaxed);
        if !self.flaw.is("end") {
            fence(Release);
        }
    }

    fn naps(&self) -> bool {
        self.kin.load(Acquire) & NAPS != 0
    }

    fn nap(&self) -> Option<usize> {
        let id = self.id.load(Acquire);
        let napped = (id != 0 || self.flaw.is("free")) && self.naps();
        let at = self.link.load(Relaxed);
        fence(Acquire);
        let still = self.flaw.is("look") || self.naps() && self.id.load(Relaxed) == id;
        (napped && still).then_some(at)
    }

    /// A goroutine's life: filled, naps, is queued, begins again and frees the record.
    fn life(&self, id: usize) {
        self.id.store(id as u64, if self.flaw.is("number") { Relaxed } else { Release });
        self.kin.store(0, Relaxed);
        self.nap_begins(id);
        self.nap_ends();
        self.link.store(GARBAGE, Relaxed);
        self.id.store(0, Relaxed);
        self.link.store(GARBAGE, Relaxed);
    }
}

fn scene(flaw: Flaw) {
    loom::model(move || {
        let record = Arc::new(Record {
            link: AtomicUsize::new(GARBAGE),
            id: AtomicU64::new(0),
            kin: AtomicU64::new(0),
            flaw,
        });
        let owner = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.life(1);
                // Another owner, who knows all of it, and has no fence of his own.
                thread::spawn(move || record.life(2)).join().unwrap();
            })
        };
        if let Some(at) = record.nap() {
            assert!(PLACE[1..].contains(&at), "{at} is no place");
        }
        owner.join().unwrap();
        assert_eq!(record.nap(), None);
    });
}

#[test]
fn a_dump_sees_the_place_or_nothing() {
    scene(Flaw::None);
}

#[test]
#[should_panic(expected = "is no place")]
fn flaw_begin() {
    scene(Flaw::Here("begin"));
}

#[test]
#[should_panic(expected = "is no place")]
fn flaw_end() {
    scene(Flaw::Here("end"));
}

#[test]
#[should_panic(expected = "is no place")]
fn flaw_number() {
    scene(Flaw::Here("number"));
}

#[test]
#[should_panic(expected = "is no place")]
fn flaw_free() {
    scene(Flaw::Here("free"));
}

#[test]
#[should_panic(expected = "is no place")]
fn flaw_look() {
    scene(Flaw::Here("look"));
}
