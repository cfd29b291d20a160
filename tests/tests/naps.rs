//! Goroutines that begin with a sleep: they have no stack meanwhile, and nobody can tell.

mod common;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;

use common::{guarded, ms};
use goconc::prelude::*;
use goconc::sync::WaitGroup;
use goconc::time::{Duration, Instant};

/// Something that tells when it is dropped.
struct Dropped(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

type Trail = Arc<Mutex<Vec<&'static str>>>;

fn dropped(name: &'static str, trail: Trail) -> Dropped {
    Dropped(name, trail)
}

fn share(trail: Trail) -> (Trail, Trail) {
    (Arc::clone(&trail), trail)
}

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
        let d = ms(3);
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
    static STEPS: AtomicUsize = AtomicUsize::new(0);
    fn step(expected: usize) -> Duration {
        assert_eq!(STEPS.fetch_add(1, Ordering::SeqCst), expected);
        ms(1)
    }
    let wg = Arc::new(WaitGroup::new());
    wg.add(1);
    go!([wg] {
        let mut n = 1;
        step(0);
        time::sleep(step(1));
        n += 1;
        step(n);
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
    let (seen, inside) = share(Arc::clone(&trail));
    go!([wg, trail] {
        let _first = dropped("first", inside);
        let second = dropped("second", seen);
        let n = 5;
        time::sleep(ms(1));
        trail.lock().unwrap().push("awake");
        assert_eq!((n, second.0), (5, "second"));
        let done = Deferred(wg);
        let _ = &done;
    });
    join(&wg);
    let expected = ["awake", "second", "first"];
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
        time::sleep(ms(1));
        awake.send(weak.upgrade().is_some());
    });
    guarded("shown", move || assert_eq!(awake.recv(), Some(true)));
}

/// A variable that may not leave its thread keeps the goroutine on its stack, and so does a locked thread.
#[test]
fn what_must_stay_stays() {
    fn local() -> Rc<i32> {
        Rc::new(7)
    }
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    go!([wg] {
        let rc = local();
        time::sleep(ms(1));
        assert_eq!(*rc, 7);
        wg.done();
    });
    go!([wg] {
        runtime::lock_os_thread();
        let thread = this_thread();
        time::sleep(ms(1));
        assert_eq!(thread, this_thread());
        runtime::unlock_os_thread();
        wg.done();
    });
    join(&wg);
}

fn this_thread() -> ThreadId {
    std::thread::current().id()
}

goconc::goroutine_local!(static MINE: std::cell::Cell<u32> = std::cell::Cell::new(0));

/// The goroutine is the same one: number, name, locals.
#[test]
fn it_stays_itself() {
    fn note(n: u32) -> Option<u64> {
        MINE.set(n);
        runtime::goroutine_id()
    }
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    go!(name = "with locals", [wg] {
        let id = note(5);
        time::sleep(ms(1));
        assert_eq!((MINE.get(), runtime::goroutine_id()), (5, id));
        wg.done();
    });
    go!(name = "self-same", [wg] {
        let id: Option<u64> = runtime::goroutine_id();
        time::sleep(ms(1));
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
            begun_with(begun);
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

fn begun_with(begun: Chan<()>) {
    begun.send(());
}

/// The panics, `goexit` and deferred calls of what comes after belong to the same goroutine.
#[test]
fn what_comes_after_ends_as_usual() {
    let wg = Arc::new(WaitGroup::new());
    wg.add(2);
    let caught = Chan::<String>::with_capacity(1);
    go!([wg] {
        time::sleep(ms(1));
        defer!(wg.done());
        runtime::goexit();
    });
    go!([wg, caught] {
        time::sleep(ms(1));
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
            time::sleep(ms(300));
            wg.done();
        });
    }
    join(&wg);
    let after = runtime::metrics();
    assert!(start.elapsed() >= ms(300));
    assert!(after.naps - before.naps >= N as u64, "{after}");
    assert!(after.stacks - before.stacks < 10_000, "{after}");
}
