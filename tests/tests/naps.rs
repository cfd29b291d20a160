//! Goroutines that begin with a sleep or a receive: they have no stack meanwhile, and nobody can tell.

mod common;

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use common::{guarded, ms};
use goconc::prelude::*;
use goconc::sync::WaitGroup;
use goconc::time::{Duration, Instant};

/// Something that tells when it is dropped.
struct Dropped(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

type Trail = Arc<Mutex<Vec<&'static str>>>;

/// What `go!` takes for something that leaves nothing behind, by the name of its module.
mod kit {
    pub(super) mod time {
        use std::rc::Rc;
        use std::sync::atomic::Ordering;

        use goconc::runtime;

        use crate::{Dropped, STEPS, Trail};

        pub(crate) fn dropped(name: &'static str, trail: Trail) -> Dropped {
            Dropped(name, trail)
        }

        pub(crate) fn step(expected: usize) -> std::time::Duration {
            assert_eq!(STEPS.fetch_add(1, Ordering::SeqCst), expected);
            super::super::ms(1)
        }

        pub(crate) fn local() -> Rc<i32> {
            Rc::new(7)
        }

        pub(crate) fn lock() -> std::thread::ThreadId {
            runtime::lock_os_thread();
            std::thread::current().id()
        }

        pub(crate) fn note(n: u32) -> Option<u64> {
            crate::MINE.set(n);
            runtime::goroutine_id()
        }

        pub(crate) fn id() -> Option<u64> {
            runtime::goroutine_id()
        }

        pub(crate) fn say(begun: goconc::Chan<()>) {
            begun.send(());
        }
    }
}

static STEPS: AtomicUsize = AtomicUsize::new(0);

/// Waits until all goroutines of `wg` have called `done`.
fn join(wg: &Arc<WaitGroup>) {
    let wg = Arc::clone(wg);
    guarded("naps", move || wg.wait());
}

/// It sleeps as long as it says, in each form.
#[test]
fn they_last() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(5);
    go!([wg] {
        let d = 3 * time::MILLISECOND;
        let start = Instant::now();
        time::sleep(d);
        assert!(start.elapsed() >= d);
        wg.done();
    });
    go!([wg] || {
        let start: Instant = time::now();
        goconc::time::sleep(2 * time::MILLISECOND);
        assert!(start.elapsed() >= ms(2));
        wg.done()
    });
    go!(name = "napper", stack_size = "256 KiB", [wg] {
        time::sleep(Duration::from_micros(700));
        wg.done();
    });
    let delays = vec![ms(1), ms(2)];
    go!([wg] {
        let d = delays[1];
        time::sleep(d);
        assert_eq!(delays.len(), 2);
        wg.done();
    });
    go!([wg] {
        time::sleep(Duration::ZERO);
        wg.done();
    });
    join(&wg);
}

/// What the statements before it evaluate, they evaluate when the goroutine begins, and once.
#[test]
fn what_comes_first_comes_first() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(1);
    go!([wg] {
        let mut n = 1;
        kit::time::step(0);
        time::sleep(kit::time::step(1));
        n += 1;
        kit::time::step(n);
        wg.done();
    });
    join(&wg);
    assert_eq!(STEPS.load(Ordering::SeqCst), 3);
}

/// Variables and captures are dropped when the block ends, the last one first, and not when the sleep begins.
#[test]
fn drops_come_where_they_would() {
    let trail = Trail::default();
    let wg = Arc::new(WaitGroup::new());
    wg.add(1);
    let [a, b, c] = [(); 3].map(|()| Arc::clone(&trail));
    let captured = Dropped("captured", Arc::clone(&trail));
    go!([wg, trail] {
        println!("{captured}");
        let _first = kit::time::dropped("first", a);
        let second = kit::time::dropped("second", b);
        let _third = kit::time::dropped("third", c);
        let n = 5;
        time::sleep(2 * time::MILLISECOND);
        trail.lock().unwrap().push("awake");
        assert_eq!((n, second.0), (5, "second"));
        let done = Deferred(wg);
        let _ = &done;
    });
    join(&wg);
    let expected = ["awake", "third", "second", "first", "captured"];
    guarded("drops", {
        let trail = Arc::clone(&trail);
        move || {
            while trail.lock().unwrap().len() < expected.len() {
                time::sleep(ms(1));
            }
        }
    });
    assert_eq!(*trail.lock().unwrap(), expected);
}

/// Calls `done` when it goes.
struct Deferred(Arc<WaitGroup>);

impl Drop for Deferred {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// What `println!` has only looked at is there until the end.
#[test]
fn what_is_shown_stays() {
    let token = Arc::new(String::from("shown"));
    let weak = Arc::downgrade(&token);
    let (awake, go_on) = (Chan::<bool>::new(), Chan::<()>::new());
    let pair = (token, 3);
    go!([awake] {
        println!("{} of {go_on:?}", pair.0);
        time::sleep(time::MILLISECOND);
        awake.send(weak.upgrade().is_some());
    });
    guarded("shown", move || assert_eq!(awake.recv(), Some(true)));
}

/// A variable that may not leave its thread keeps the goroutine on its stack, and so does a locked thread.
#[test]
fn what_must_stay_stays() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    go!([wg] {
        let rc: Rc<i32> = kit::time::local();
        time::sleep(2 * time::MILLISECOND);
        assert_eq!(*rc, 7);
        wg.done();
    });
    go!([wg] {
        let thread: ThreadId = kit::time::lock();
        time::sleep(2 * time::MILLISECOND);
        assert_eq!(thread, std::thread::current().id());
        runtime::unlock_os_thread();
        wg.done();
    });
    join(&wg);
}

goconc::goroutine_local!(static MINE: std::cell::Cell<u32> = std::cell::Cell::new(0));

/// The goroutine is the same one: number, name, locals.
#[test]
fn it_stays_itself() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    go!(name = "with locals", [wg] {
        let id = kit::time::note(5);
        time::sleep(2 * time::MILLISECOND);
        assert_eq!((MINE.get(), runtime::goroutine_id()), (5, id));
        wg.done();
    });
    go!(name = "self-same", [wg] {
        let id: Option<u64> = kit::time::id();
        time::sleep(2 * time::MILLISECOND);
        assert_eq!(runtime::goroutine_id(), id);
        let dump = runtime::stack_dump();
        let me = format!("goroutine {} \"self-same\" [running]:", id.unwrap());
        assert!(dump.contains(&me), "no {me:?} in {dump}");
        wg.done();
    });
    join(&wg);
}

/// GO-039: a dump shows where it sleeps, where it was started and how it is called. GO-030: it is counted.
#[test]
fn it_is_seen() {
    guarded("dump", || {
        let begun = Chan::<()>::new();
        go!(name = "dozing", [begun] {
            kit::time::say(begun);
            time::sleep(time::HOUR); // the place
        });
        begun.recv();
        let line = line!() - 3;
        let created = line - 2;
        loop {
            let dump = runtime::stack_dump();
            let Some(at) = dump.find("\"dozing\" [sleep]:\n") else {
                runtime::gosched();
                continue;
            };
            let mine: Vec<_> = dump[at..].lines().skip(1).take(3).collect();
            assert!(mine[0].contains(&format!("naps.rs:{line}:13")), "{line} {mine:?}");
            assert!(mine[1].starts_with("created by"), "{mine:?}");
            assert!(mine[2].contains(&format!("naps.rs:{created}:9")), "{created} {mine:?}");
            break;
        }
        assert!(runtime::num_goroutine() >= 1);
    });
}

/// The panics, `goexit` and deferred calls of what comes after belong to the same goroutine.
#[test]
fn what_comes_after_ends_as_usual() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    let caught = Chan::<String>::with_capacity(1);
    go!([wg] {
        time::sleep(time::MILLISECOND);
        defer!(wg.done());
        runtime::goexit();
    });
    go!([wg, caught] {
        time::sleep(time::MILLISECOND);
        defer! {
            if let Some(panic) = recover() {
                caught.send(panic.message().to_string());
            }
            wg.done();
        }
        panic!("after the sleep");
    });
    join(&wg);
    assert_eq!(caught.recv().as_deref(), Some("after the sleep"));
}

/// A function of the program's own with that name is called, on the goroutine, with whatever it takes.
#[test]
fn another_function_of_that_name() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(1);
    go!([wg] {
        other::time::sleep(5);
        wg.done();
    });
    join(&wg);
    assert_eq!(CALLED.load(Ordering::SeqCst), 5);
}

static CALLED: AtomicUsize = AtomicUsize::new(0);

mod other {
    pub(super) mod time {
        pub(crate) fn sleep(n: u32) -> u32 {
            crate::CALLED.fetch_add(n as usize, std::sync::atomic::Ordering::SeqCst);
            n
        }
    }
}

/// Those that are due run in the order of their deadlines, also when they are all late.
#[test]
fn the_order_of_deadlines() {
    const N: u64 = 100;
    let program = || {
        let order = Chan::<Instant>::with_capacity(N as usize);
        for i in (0..N).rev() {
            go!([order] {
                let d = Duration::from_micros(20_000 + 10 * i);
                let deadline = Instant::now() + d;
                time::sleep(d);
                order.send(deadline);
            });
        }
        let start = Instant::now();
        runtime::gosched();
        while start.elapsed() < ms(40) {
            std::hint::spin_loop();
        }
        (0..N).filter_map(|_| order.recv()).collect::<Vec<_>>()
    };
    guarded("order", move || {
        let procs = runtime::gomaxprocs(1);
        let deadlines = goconc::run(program);
        runtime::gomaxprocs(procs);
        // One that lost its CPU between its look at the clock and its sleep comes later than it should.
        let behind = deadlines.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(behind < N as usize / 2, "{behind} of {N} came too early");
    });
}

/// A hundred thousand of them need hardly any stacks.
#[test]
fn they_need_no_stacks() {
    const N: usize = 100_000;
    let wg = Arc::new(WaitGroup::new());
    let (start, before) = (Instant::now(), runtime::metrics());
    for _ in 0..N {
        wg.add(1);
        go!([wg] {
            time::sleep(300 * time::MILLISECOND);
            wg.done();
        });
    }
    join(&wg);
    let after = runtime::metrics();
    assert!(start.elapsed() >= ms(300));
    assert!(after.naps - before.naps >= N as u64, "{after}");
    assert!(after.stacks - before.stacks < 10_000, "{after}");
}

/// The same for a receive: whatever becomes of the channel, on whichever side, buffered or not.
#[test]
fn receives() {
    guarded("receives", || {
        for capacity in [0, 1, 5] {
            let (jobs, results) = (Chan::<usize>::with_capacity(capacity), Chan::with_capacity(100));
            let before = runtime::metrics().naps;
            for _ in 0..10 {
                go!([jobs, results] {
                    let job = jobs.recv();
                    results.send((1, job));
                });
                go!([jobs, results] || {
                    let first: Option<usize> = jobs.recv();
                    let second = jobs.recv();
                    results.send((2, first));
                    results.send((2, second));
                });
            }
            while runtime::metrics().naps < before + 20 {
                time::sleep(time::MILLISECOND);
            }
            (0..20).for_each(|i| jobs.send(i)); // each of those that wait has got one
            jobs.close();
            let mut got: Vec<_> = (0..30).filter_map(|_| results.recv()).collect();
            got.sort_unstable_by_key(|(_, job)| *job);
            let jobs: Vec<_> = got.iter().filter_map(|(_, job)| *job).collect();
            assert_eq!(jobs, (0..20).collect::<Vec<_>>(), "capacity {capacity}");
            assert_eq!(got.iter().filter(|(_, job)| job.is_none()).count(), 10);
        }
    });
}

/// What is there already is received at once, and what a `try_send` or a `select!` offers to one that naps is taken.
#[test]
fn receives_that_need_not_wait_and_offers() {
    guarded("offers", || {
        let (values, done) = (Chan::with_capacity(1), Chan::<i32>::new());
        values.send(5);
        go!([values, done] {
            let v = values.recv();
            done.send(v.unwrap_or(0));
        });
        assert_eq!(done.recv(), Some(5));

        let offers = Chan::<Box<i32>>::new();
        for round in 0..50 {
            go!([offers, done] {
                let v = offers.recv();
                done.send(*v.unwrap());
            });
            if round % 2 == 0 {
                let mut offer = Box::new(round);
                while let Err(full) = offers.try_send(offer) {
                    offer = full.into_inner();
                    runtime::gosched();
                }
            } else {
                select! { offers <- Box::new(round) => {} }
            }
            assert_eq!(done.recv(), Some(round));
        }

        // Something else with that method, and a channel that is nil or a timer's.
        let (sender, receiver) = std::sync::mpsc::channel();
        sender.send(7).unwrap();
        go!([done] {
            let v = receiver.recv();
            done.send(v.unwrap());
        });
        assert_eq!(done.recv(), Some(7));
        let lender = Lender(8);
        go!([done] {
            let loan = lender.recv();
            done.send(*loan.0.get());
        });
        assert_eq!(done.recv(), Some(8));
        let timer = time::Timer::new(time::MILLISECOND);
        go!([done] {
            let at = timer.c.recv();
            done.send(i32::from(at.is_some()));
        });
        assert_eq!(done.recv(), Some(1));
        let nil = Chan::<i32>::nil();
        go! { nil.recv(); }
    });
}

/// Its `recv` borrows from it.
struct Lender(i32);

/// Invariant in what it borrows.
struct Loan<'a>(std::cell::Cell<&'a i32>);

impl Lender {
    fn recv(&self) -> Loan<'_> {
        Loan(std::cell::Cell::new(&self.0))
    }
}

/// A dump shows it as one that receives, where it does.
#[test]
fn a_receive_is_seen() {
    guarded("dump", || {
        let gate = Chan::<()>::new();
        go!(name = "gated", [gate] {
            gate.recv(); // the place
        });
        let line = line!() - 2;
        loop {
            let dump = runtime::stack_dump();
            if let Some(at) = dump.find("\"gated\" [chan receive]:\n") {
                let place = dump[at..].lines().nth(1).unwrap_or_default();
                assert!(place.contains(&format!("naps.rs:{line}:18")), "{line}: {place}");
                break;
            }
            runtime::gosched();
        }
        gate.close();
    });
}

/// A hundred thousand that wait for the same close need hardly any stacks either.
#[test]
fn receivers_need_no_stacks() {
    const N: usize = 100_000;
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    guarded("receivers", || {
        let (gate, wg) = (Chan::<()>::new(), Arc::new(WaitGroup::new()));
        let before = runtime::metrics();
        for _ in 0..N {
            wg.add(1);
            go!([gate, wg] {
                BEGUN.fetch_add(1, Ordering::Relaxed);
                gate.recv();
                wg.done();
            });
        }
        while BEGUN.load(Ordering::Relaxed) < N {
            time::sleep(time::MILLISECOND);
        }
        gate.close();
        wg.wait();
        let after = runtime::metrics();
        assert!(after.naps - before.naps >= N as u64 - 10, "{after}");
        assert!(after.stacks - before.stacks < 10_000, "{after}");
    });
}
