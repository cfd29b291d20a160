//! `time`: sleeping, and the channels of timers and tickers. `after_func` has its own file, `time_func.rs`; what needs a process
//! of its own is in `time_process.rs`.
//!
//! A moment that is too early is an error; one that is late never is.

mod common;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{guarded, ms, panic_text};
use goconc::chan::TryRecvError;
use goconc::prelude::*;
use goconc::sync::WaitGroup;
use goconc::time::{Duration, Instant, Ticker, Timer};

/// Long enough that nobody waits for it.
const LONG: Duration = time::HOUR;

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// On a plain thread and on a goroutine.
fn on_both(what: &str, f: impl Fn() + Copy + Send + 'static) {
    guarded(what, || {
        f();
        goconc::run(f);
    });
}

/// Computes until `moment`: no pass of the scheduler on this goroutine.
fn spin_until(moment: Instant) {
    while time::now() < moment {
        std::hint::spin_loop();
    }
}

/// Until somebody waits for `c`, if the machine is kind; nothing depends on it.
fn let_it_wait() {
    std::thread::sleep(ms(5));
}

#[track_caller]
fn nothing(c: &Recv<Instant>) {
    assert_eq!(c.try_recv(), Err(TryRecvError::Empty));
}

/// Whether `later` is `start` plus a whole number of periods.
fn in_phase(start: Instant, later: Instant, period: Duration) -> bool {
    (later - start).as_nanos().is_multiple_of(period.as_nanos())
}

/// TM-001: at least that long; zero returns at once.
#[test]
fn sleep_lasts() {
    on_both("sleep", || {
        for d in [us(0), Duration::from_nanos(1), us(1), us(50), us(999), ms(3)] {
            let start = time::now();
            time::sleep(d);
            assert!(time::since(start) >= d);
        }
    });
}

/// A deadline is never early, and may be some ten nanoseconds late: it is counted from a moment that is hardly after now.
const LATE: Duration = Duration::from_micros(1);

/// TM-005, TM-036: the value is the moment of expiry, however late it is read.
#[test]
fn the_value_is_the_moment_of_expiry() {
    on_both("after", || {
        for (d, late) in [(us(0), us(0)), (us(100), us(0)), (ms(2), us(0)), (us(0), ms(4)), (us(100), ms(4))]
        {
            let before = time::now();
            let c = time::after(d);
            let made = time::now();
            time::sleep(late);
            let moment = c.recv().unwrap();
            assert!(before + d <= moment && moment <= made + d + LATE);
            assert!(moment <= time::now());
            nothing(&c);
        }
    });
}

/// TM-006: ten in a row take ten times as long.
#[test]
fn one_after_the_other() {
    on_both("ten afters", || {
        let start = time::now();
        let last = (0..10).map(|_| time::after(us(700)).recv().unwrap()).max().unwrap();
        assert!(last >= start + 10 * us(700));
    });
}

/// TM-007, TM-023, TM-034: what is stopped gives nothing.
#[test]
fn stopped() {
    on_both("stopped", || {
        let timer = Timer::new(us(500));
        let ticker = Ticker::new(us(500));
        assert!(timer.stop());
        assert!(!timer.stop());
        ticker.stop();
        time::sleep(ms(2));
        nothing(&timer.c);
        nothing(&ticker.c);
        ticker.stop();
    });
}

/// TM-008: those that were armed in any order come in the order of their deadlines. Receivers that run beside one another may
/// overtake each other on a loaded machine: not when there is more time between them.
#[test]
fn in_the_order_of_the_deadlines() {
    let slots = [5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0];
    let came_in_order = |delta: Duration| {
        let results = Chan::with_capacity(slots.len());
        for slot in slots {
            go!([results] {
                time::after(delta * slot).recv();
                results.send(slot);
            });
        }
        (0..slots.len()).map(|_| results.recv().unwrap()).is_sorted()
    };
    guarded("order", || assert!((0..8).any(|attempt| came_in_order(ms(2) * (1 << attempt)))));
}

/// TM-011, TM-012: before it has expired, and after its value was received.
#[test]
fn reset() {
    on_both("reset", || {
        let timer = Timer::new(ms(2));
        let again = time::now();
        assert!(timer.reset(ms(6)));
        assert!(timer.c.recv().unwrap() >= again + ms(6));
        let again = time::now();
        assert!(!timer.reset(ms(2)));
        assert!(timer.c.recv().unwrap() >= again + ms(2));
        assert!(!timer.stop());
        assert!(!timer.reset(LONG));
        assert!(timer.stop());
    });
}

/// TM-013: the longest duration never ends, the shortest one at once.
#[test]
fn extremes() {
    on_both("extremes", || {
        let (timer, ticker) = (Timer::new(Duration::MAX), Ticker::new(Duration::MAX));
        let never = time::after(Duration::MAX);
        go!(time::sleep(Duration::MAX));
        go!([never] never.recv());
        time::sleep(ms(2)); // with the three in the heap
        nothing(&timer.c);
        nothing(&ticker.c);
        nothing(&never);
        assert!(timer.reset(Duration::ZERO));
        assert!(timer.c.recv().is_some());
        ticker.reset(Duration::from_nanos(1));
        let ticks: Vec<_> = ticker.c.iter().take(50).collect();
        assert!(ticks.is_sorted_by(|a, b| a < b));
        ticker.reset(Duration::MAX);
        nothing(&ticker.c);
    });
}

/// TM-015, TM-024, TM-035: those that were not initialised.
#[test]
fn uninitialised() {
    assert_eq!(panic_text(|| _ = Timer::default().stop()), "time: Stop called on uninitialized Timer");
    assert_eq!(panic_text(|| _ = Timer::default().reset(LONG)), "time: Reset called on uninitialized Timer");
    assert_eq!(panic_text(|| Ticker::default().reset(LONG)), "time: Reset called on uninitialized Ticker");
    Ticker::default().stop();
    Ticker { c: time::tick(LONG) }.stop();
    assert!(Timer::default().c.is_nil() && Ticker::default().c().is_nil());
}

/// TM-026
#[test]
fn no_interval() {
    let zero = Duration::ZERO;
    assert!(time::tick(zero).is_nil());
    assert_eq!(panic_text(|| _ = Ticker::new(zero)), "non-positive interval for NewTicker");
    assert_eq!(panic_text(|| _ = time::new_ticker(zero)), "non-positive interval for NewTicker");
    let ticker = Ticker::new(us(200));
    assert_eq!(panic_text(|| ticker.reset(zero)), "non-positive interval for Ticker.Reset");
    guarded("it still ticks", || assert!(ticker.c.recv().is_some()));
}

/// TM-016: a timer of no duration beside a case that is never ready, new and reset.
#[test]
fn zero_in_a_loop() {
    let rounds = if cfg!(debug_assertions) { 20_000 } else { 500_000 };
    goconc::run(move || {
        guarded("zero timers", || {
            let never = Chan::<()>::new();
            let timer = Timer::new(LONG);
            for i in 0..rounds {
                timer.reset(Duration::ZERO);
                let new = time::after(Duration::ZERO);
                let c = if i % 2 == 0 { &timer.c } else { &new };
                select! {
                    <-never => unreachable!(),
                    moment = <-c => assert!(moment.is_some()),
                }
            }
        });
    });
}

/// TM-017: all sleep until something late; then it comes early.
#[test]
fn moved_earlier() {
    on_both("moved earlier", || {
        let (timer, ticker) = (Timer::new(LONG), Ticker::new(LONG));
        let (done, first) = (Chan::new(), time::now());
        for c in [timer.c(), ticker.c()] {
            go!([done] { done.send(c.recv()) });
        }
        let_it_wait();
        timer.reset(us(100));
        ticker.reset(us(100));
        for _ in 0..2 {
            assert!(done.recv().flatten().unwrap() >= first + us(100));
        }
    });
}

/// TM-019, TM-020: either the stop, or the reset, was in time, or the value was received. Exactly one of the two.
#[test]
fn stopped_or_received() {
    for stop in [|timer: &Timer| timer.stop(), |timer: &Timer| timer.reset(LONG)] {
        on_both_with(stop, |stop| {
            for i in 0..300 {
                let timer = Timer::new(us(20));
                let (got, over) = (Chan::with_capacity(1), Chan::<()>::new());
                let c = timer.c();
                go!([got, over] { got.send(select! { <-c => true, <-over => false }) });
                spin_until(time::now() + us(i % 60));
                let stopped = stop(&timer);
                over.close();
                // A reset timer is due in an hour; a receiver that was told that it is over has not taken anything.
                assert_ne!(got.recv(), Some(stopped), "round {i}");
                nothing(&timer.c);
            }
        });
    }
}

fn on_both_with<T: Copy + Send + 'static>(with: T, f: impl Fn(T) + Copy + Send + 'static) {
    on_both("a race", move || f(with));
}

/// TM-021, TM-037: of many receivers one gets a tick; nobody gets the same one; all are in phase.
#[test]
fn many_receivers_of_a_ticker() {
    on_both("receivers", || {
        let (period, before) = (us(300), time::now());
        let ticker = Arc::new(Ticker::new(period));
        let (wg, ticks) = (Arc::new(WaitGroup::new()), Chan::with_capacity(1000));
        for i in 0..8 {
            let (ticker, ticks) = (Arc::clone(&ticker), ticks.clone());
            let receive = move || (0..10).for_each(|_| ticks.send(ticker.c.recv().unwrap()));
            if i < 6 {
                wg.go(receive);
            } else {
                let wg = Arc::clone(&wg);
                wg.add(1);
                std::thread::spawn(move || {
                    receive();
                    wg.done();
                });
            }
        }
        wg.wait();
        let ticks: Vec<_> = ticks.try_iter().collect();
        assert_eq!(ticks.len(), 80);
        assert_eq!(ticks.iter().copied().collect::<BTreeSet<_>>().len(), 80, "each tick once");
        assert!(
            ticks
                .iter()
                .all(|&tick| tick >= before + period
                    && in_phase(ticks[0].min(tick), ticks[0].max(tick), period))
        );
    });
}

/// TM-021: many that reset one timer and wait for it: somebody is woken each time, nobody hangs.
#[test]
fn many_receivers_of_a_timer() {
    guarded("receivers of a timer", || {
        let timer = Arc::new(Timer::new(us(100)));
        let (wg, over) = (Arc::new(WaitGroup::new()), Arc::new(AtomicBool::new(false)));
        for _ in 0..8 {
            let (timer, over) = (Arc::clone(&timer), Arc::clone(&over));
            wg.go(move || {
                for _ in 0..10 {
                    timer.reset(us(100));
                    assert!(timer.c.recv().is_some());
                }
                over.store(true, Ordering::Relaxed);
                timer.reset(us(100)); // the last ones have nobody else to set it
            });
        }
        let again = goconc::spawn({
            let (timer, wg) = (Arc::clone(&timer), Arc::clone(&wg));
            move || {
                let done = Chan::<()>::new();
                go!([done] {
                    wg.wait();
                    done.close();
                });
                while let Err(TryRecvError::Empty) = done.try_recv() {
                    time::sleep(ms(1));
                    if over.load(Ordering::Relaxed) {
                        timer.reset(us(100));
                    }
                }
            }
        });
        wg.wait();
        again.join().unwrap();
    });
}

/// TM-022: ticks are as far apart as was asked for, on average, and after a reset as far as that says.
#[test]
fn intervals() {
    on_both("intervals", || {
        let before = time::now();
        let ticker = Ticker::new(us(400));
        let ticks: Vec<_> = ticker.c.iter().take(10).collect();
        assert!(ticks[0] >= before + us(400));
        assert!(ticks.windows(2).all(|two| two[1] > two[0] && in_phase(two[0], two[1], us(400))));
        let again = time::now();
        ticker.reset(us(800));
        let ticks: Vec<_> = ticker.c.iter().take(10).collect();
        assert!(ticks[0] >= again + us(800));
        assert!(ticks.windows(2).all(|two| two[1] > two[0] && in_phase(two[0], two[1], us(800))));
    });
}

/// TM-037: a slow reader finds one tick, the first that it missed; then the next that lies ahead.
#[test]
fn a_slow_reader() {
    on_both("slow reader", || {
        let before = time::now();
        let ticker = Ticker::new(ms(2));
        let made = time::now();
        spin_until(made + ms(9));
        let read = time::now();
        let missed = ticker.c.try_recv().unwrap();
        assert!(before + ms(2) <= missed && missed <= made + ms(2) + LATE);
        let next = ticker.c.recv().unwrap();
        assert!(next > read && in_phase(missed, next, ms(2)));
    });
}

/// TM-025: made and stopped quickly, while they tick.
#[test]
fn teardown() {
    guarded("teardown", || {
        let wg = Arc::new(WaitGroup::new());
        for _ in 0..3 {
            wg.go(|| {
                for i in 0..100 {
                    let ticker = Ticker::new(Duration::from_nanos(1 + i * 100));
                    ticker.c.recv();
                    ticker.stop();
                    nothing(&ticker.c);
                }
            });
        }
        wg.wait();
    });
}

/// TM-003: while all processors compute.
#[test]
fn while_others_compute() {
    guarded("beside hogs", || {
        let stop = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> = (0..2 * runtime::gomaxprocs(0))
            .map(|_| {
                let stop = Arc::clone(&stop);
                goconc::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                })
            })
            .collect();
        for period in [us(200), ms(1), ms(3)] {
            let ticks = goconc::spawn(move || Ticker::new(period).c.iter().take(5).count());
            assert_eq!(ticks.join().unwrap(), 5);
        }
        stop.store(true, Ordering::Relaxed);
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
    });
}

/// TM-029: it looks like an unbuffered channel, also when a value waits.
#[test]
fn len_and_cap() {
    let (timer, ticker) = (Timer::new(us(10)), Ticker::new(us(10)));
    std::thread::sleep(ms(1));
    for c in [&timer.c, &ticker.c] {
        assert_eq!((c.len(), c.cap(), c.is_nil()), (0, 0, false));
        assert!(c.try_recv().is_ok());
        assert_eq!((c.len(), c.cap()), (0, 0));
    }
}

/// TM-030, TM-031: a value that nobody has received is gone after a stop or a reset, which say so.
#[test]
fn nothing_stale() {
    on_both("stale", || {
        let (timer, ticker) = (Timer::new(us(10)), Ticker::new(us(10)));
        time::sleep(ms(1));
        assert!(timer.stop());
        ticker.stop();
        nothing(&timer.c);
        nothing(&ticker.c);
        assert!(!timer.reset(us(10)));
        time::sleep(ms(1));
        let again = time::now();
        assert!(timer.reset(ms(2)));
        ticker.reset(ms(2));
        for c in [&timer.c, &ticker.c] {
            assert!(c.recv().unwrap() >= again + ms(2));
        }
    });
}

/// TM-032: who waits, waits for the new moment; after a stop, for the next reset.
#[test]
fn reset_and_stop_while_somebody_waits() {
    on_both("a receiver waits", || {
        let (timer, ticker) = (Timer::new(ms(40)), Ticker::new(ms(40)));
        let got = Chan::new();
        for c in [timer.c(), ticker.c()] {
            go!([got] { got.send(c.recv().unwrap()) });
        }
        let_it_wait();
        // Usually both are in time; on a loaded machine the first moment may have come before that.
        let again = time::now();
        let in_time = timer.stop();
        ticker.stop();
        timer.reset(ms(1));
        ticker.reset(ms(1));
        let moments = [got.recv().unwrap(), got.recv().unwrap()];
        assert!(!in_time || moments.iter().any(|&moment| moment >= again + ms(1)));
    });
}

/// TM-033: of two that wait for one timer exactly one gets it.
#[test]
fn two_selects() {
    on_both("two selects", || {
        for _ in 0..30 {
            let (c, over, got) = (time::after(us(100)), Chan::<()>::new(), Chan::new());
            for _ in 0..2 {
                go!([c, over, got] { got.send(select! { <-c => 1, <-over => 0 }) });
            }
            assert_eq!(got.recv(), Some(1));
            over.close();
            assert_eq!(got.recv(), Some(0));
        }
    });
}

/// TM-034: what is due is there, although nobody but the caller has run.
#[test]
fn polled() {
    on_both("polled", || {
        let before = time::now();
        let (timer, ticker) = (Timer::new(us(300)), Ticker::new(us(300)));
        let made = time::now();
        while timer.c.try_recv().is_err() {}
        assert!(time::now() >= before + us(300));
        spin_until(made + us(300) + LATE);
        assert!(ticker.c.try_recv().is_ok());
        assert!(select! { <-time::after(Duration::ZERO) => true, default => false });
        assert!(select! { <-time::after(LONG) => false, default => true });
    });
}

/// Go's forms of a receive arm, with the moments that timers give. `Instant` is no `Default`, so there is a zero value for
/// it: the same every time, and before all others.
#[test]
fn selected_in_the_forms_of_go() {
    let early = Instant::now();
    let (never, ticker, timer) = (Chan::<()>::new(), time::Ticker::new(ms(1)), time::Timer::new(ms(1)));
    let tick = select! { <-never => unreachable!(), t := <-ticker.c => t };
    let (moment, ok) = select! { t, ok := <-timer.c => (t, ok) };
    assert!(ok && tick > early && moment > early);
    let closed = Chan::<Instant>::new();
    closed.close();
    let zero = select! { t := <-closed => t };
    assert!(zero < early);
    assert_eq!(select! { t, ok := <-closed => (t, ok), <-never => unreachable!() }, (zero, false));
}

/// The zero value is found also where the type is not known yet, or is a parameter.
#[test]
fn zero_values_by_type() {
    fn first<T: Default>(ch: &Chan<T>) -> (T, bool) {
        select! { v, ok := <-ch => (v, ok) }
    }
    let later = Chan::new();
    later.close();
    let text = select! { v := <-later => v };
    assert_eq!((text, first(&later)), (String::new(), (String::new(), false)));
}

/// SE-026: a select that is timed out is not so before its time; one that is not leaves nothing behind.
#[test]
fn timeouts() {
    on_both("timeouts", || {
        let (never, ready) = (Chan::<()>::new(), Chan::new());
        for d in [us(10), us(300), ms(3)] {
            let start = time::now();
            let moment = select! { <-never => None, moment = <-time::after(d) => moment };
            assert!(moment.unwrap() >= start + d && time::since(start) >= d);
        }
        go!([ready] { (0..100).for_each(|i| ready.send(i)) });
        for i in 0..100 {
            assert_eq!(select! { v = <-ready => v, <-time::after(LONG) => None }, Some(i));
        }
    });
}

/// One timer in several cases, and a timer that is dropped while its channel lives on.
#[test]
fn the_same_twice_and_the_channel_alone() {
    on_both("twice", || {
        let c = Timer::new(us(200)).c();
        assert_eq!(select! { <-c => 1, <-c => 1 }, 1);
        nothing(&c);
        let c = time::tick(us(200));
        for _ in 0..5 {
            select! { <-c => {} <-c => {} }
        }
    });
}

/// Waiting on a thread of its own, with a helper's thread beside it.
#[test]
fn locked_to_a_thread() {
    guarded("locked", || {
        let handles: Vec<_> = (1..=4)
            .map(|i| {
                goconc::spawn(move || {
                    runtime::lock_os_thread();
                    let start = time::now();
                    for _ in 0..5 {
                        time::sleep(us(100 * i));
                        time::after(us(100 * i)).recv();
                    }
                    assert!(time::since(start) >= 10 * us(100 * i));
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

/// They can be shared, sent, printed, and used across a `catch_unwind`, as channels can.
#[test]
fn traits() {
    fn all<T: std::marker::Send + Sync + UnwindSafe + RefUnwindSafe + Debug + Default>(_: &T) {}
    let func = time::after_func(LONG, || ());
    all(&func);
    all(&Timer::new(LONG));
    all(&Ticker::new(LONG));
    assert!(format!("{func:?}").starts_with("Timer { c: Recv(nil)"), "{func:?}");
    assert!(func.stop());
}
