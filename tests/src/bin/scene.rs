//! Scenarios that end the process, or that need one of their own: `scene NAME [ARG..]`. Run by the tests.
//!
//! No thread-locals here: its started goroutines may move.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goconc::prelude::*;
use goconc::sync::WaitGroup;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn arg(i: usize) -> Option<usize> {
    std::env::args().nth(i)?.parse().ok()
}

type Scene = (&'static str, fn());

const SCENES: &[Scene] = &[
    ("recv", || _ = Chan::<i32>::new().recv()),
    ("send", || Chan::new().send(1)),
    ("recv_nil", || _ = Chan::<i32>::nil().recv()),
    ("send_nil", || Chan::nil().send(1)),
    ("wait_group", wait_group),
    ("join", || _ = goconc::spawn(|| Chan::<i32>::new().recv()).join()),
    ("scope", || goconc::scope(|s| s.go(|| _ = Chan::<i32>::new().recv()))),
    ("locked", locked),
    ("other_locked", other_locked),
    ("many_asleep", many_asleep),
    ("named", named),
    ("goexit_alone", || runtime::goexit()),
    ("goexit_blocked", goexit_blocked),
    ("goexit_others_finish", goexit_others_finish),
    ("asleep_then_deadlock", asleep_then_deadlock),
    ("sleeper_wakes", sleeper_wakes),
    ("blocking_wakes", blocking_wakes),
    ("syscall_wakes", syscall_wakes),
    ("thread_wakes", thread_wakes),
    ("thread_wakes_late", thread_wakes_late),
    ("partial", partial),
    ("ended_locked_then_deadlock", ended_locked_then_deadlock),
    ("main_returns", main_returns),
    ("naps_beside_a_busy_one", naps_beside_a_busy_one),
    ("woken_by_one_that_ends_locked", woken_by_one_that_ends_locked),
    ("beside_a_hog", beside_a_hog),
    ("receiver_and_sender", receiver_and_sender),
    ("start_among_turns", start_among_turns),
    ("on_a_foreign_stack", on_a_foreign_stack),
    ("panic_main", || panic!("boom in main")),
    ("panic_child", panic_child),
    ("panic_lines", || panic!("one\ntwo")),
    ("panic_value", || std::panic::panic_any(42_u8)),
    ("panic_opaque", || std::panic::panic_any(Arc::new(1))),
    ("panic_race", panic_race),
    ("panic_detached", panic_detached),
    ("panic_detached_late", panic_detached_late),
    ("panic_scope", panic_scope),
    ("panic_group", panic_group),
    ("panic_after_caught", panic_after_caught),
    ("panic_after_others_note", panic_after_others_note),
    ("panic_local_drop", panic_local_drop),
    ("panic_in_drop", panic_in_drop),
    ("panic_blocking", || runtime::blocking(|| panic!("boom in blocking"))),
    ("overflow", overflow),
    ("overflow_main", || println!("{}", deep(usize::MAX))),
    ("overflow_named", overflow_named),
    ("overflow_in_drop", overflow_in_drop),
    ("overflow_busy", overflow_busy),
    ("deep_enough", deep_enough),
    ("deep_8mib", deep_8mib),
    ("bad_stack_size", || go!(stack_size = "9 MiB", || ())),
    ("quit", quit),
    ("sleepers_64", sleepers_64),
    ("parked_use_no_cpu", parked_use_no_cpu),
    ("stacks_are_reused", stacks_are_reused),
    ("many_parked", many_parked),
    ("threads", threads),
    ("ended_locked_many", ended_locked_many),
    ("threads_until_refused", threads_until_refused),
    ("memory_until_refused", memory_until_refused),
    ("gomaxprocs_1024", gomaxprocs_1024),
    ("goexit_swallowed", goexit_swallowed),
    ("goexit_in_scope", goexit_in_scope),
    ("park_in_unwinding_drop", park_in_unwinding_drop),
    ("group_beside_unwinding", group_beside_unwinding),
    ("signals", signals),
    ("figures", figures),
    ("dump", dump),
    ("procs", || println!("{}", runtime::gomaxprocs(0))),
    ("exit", || std::process::exit(7)),
    ("affinity", affinity),
];

#[goroutine]
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match SCENES.iter().find(|(known, _)| *known == name) {
        Some((_, scene)) => scene(),
        None => println!("scenes: {:?}", SCENES.iter().map(|(name, _)| name).collect::<Vec<_>>()),
    }
}

fn block_for_ever() {
    Chan::<i32>::new().recv();
}

fn wait_group() {
    let wg = WaitGroup::new();
    wg.add(1);
    wg.wait();
}

fn locked() {
    runtime::lock_os_thread();
    block_for_ever();
}

fn other_locked() {
    go! {
        runtime::lock_os_thread();
        block_for_ever();
    }
    block_for_ever();
}

fn many_asleep() {
    let ch = Chan::<i32>::new();
    go!([ch] ch.recv());
    go!([ch] for _ in &ch {});
    go!(Chan::<i32>::nil().send(1));
    go!(Chan::<i32>::nil().recv());
    let full = Chan::with_capacity(1);
    full.send(1);
    go!([full] full.send(2));
    wait_group();
}

fn named() {
    go!(name = "acceptor", || block_for_ever());
    block_for_ever();
}

fn goexit_blocked() {
    go!(|| block_for_ever());
    runtime::goexit();
}

fn goexit_others_finish() {
    go! {
        time::sleep(ms(50));
        println!("the other has finished");
    }
    runtime::goexit();
}

fn asleep_then_deadlock() {
    go! {
        time::sleep(ms(100));
        eprintln!("slept");
    }
    block_for_ever();
}

fn sleeper_wakes() {
    let ch = Chan::new();
    go!([ch] {
        time::sleep(ms(300));
        ch.send(());
    });
    ch.recv();
}

fn blocking_wakes() {
    let ch = Chan::new();
    go!([ch] {
        runtime::blocking(|| std::thread::sleep(ms(300)));
        ch.send(());
    });
    ch.recv();
    runtime::blocking(|| std::thread::sleep(ms(300)));
}

fn syscall_wakes() {
    let ch = Chan::new();
    go!([ch] {
        std::thread::sleep(ms(300));
        ch.send(());
    });
    ch.recv();
}

fn thread_wakes() {
    let ch = Chan::new();
    for i in 0..20 {
        let sender = ch.sender();
        std::thread::spawn(move || {
            std::thread::sleep(ms(i % 4 * 20));
            sender.send(());
        });
    }
    for _ in 0..20 {
        ch.recv();
    }
}

fn thread_wakes_late() {
    let ch = Chan::new();
    let sender = ch.sender();
    std::thread::spawn(move || {
        std::thread::sleep(ms(2500));
        sender.send(());
    });
    ch.recv();
}

/// Some are stuck, others are alive: nothing to report.
fn partial() {
    for _ in 0..10 {
        go!(|| block_for_ever());
    }
    time::sleep(ms(200));
}

fn ended_locked_then_deadlock() {
    for _ in 0..5 {
        go!(|| runtime::lock_os_thread());
    }
    time::sleep(ms(50));
    block_for_ever();
}

/// Its sleep is over while a goroutine that it has started computes on its thread, for ever.
/// They wake up at the same moment, on one M, and the first to run waits for the others without letting anybody run.
fn naps_beside_a_busy_one() {
    static AWAKE: AtomicUsize = AtomicUsize::new(0);
    const N: usize = 4;
    for _ in 0..N {
        go! {
            time::sleep(50 * time::MILLISECOND);
            AWAKE.fetch_add(1, Ordering::SeqCst);
            while AWAKE.load(Ordering::SeqCst) < N {
                std::hint::spin_loop();
            }
        }
    }
    while AWAKE.load(Ordering::SeqCst) < N {
        time::sleep(ms(1));
    }
    println!("all awake");
}

/// Who goes on first, nearly always: one that has got a value, or, woken after it, one that has got rid of it. Now and then the scheduler
/// has whoever is next go behind the rest, so once says nothing.
fn receiver_and_sender() {
    let receivers = (0..100).filter(|_| first_of_receiver_and_sender() == "receiver").count();
    println!("{}", if receivers > 75 { "receivers" } else { "senders" });
}

fn first_of_receiver_and_sender() -> &'static str {
    let (to, from, log) = (Chan::new(), Chan::new(), Chan::with_capacity(2));
    go!([to, log] {
        runtime::gosched(); // it has a stack
        to.recv();
        log.send("receiver");
    });
    go!([from, log] {
        from.send(());
        log.send("sender");
    });
    (0..10).for_each(|_| runtime::gosched()); // until both wait
    to.send(());
    from.recv();
    let first = log.recv_or_default();
    log.recv();
    first
}

/// How soon a goroutine begins that is started where others only take turns: the scheduler, which does not look around before each of
/// these, is told. Now and then it has something else to do first, so once says nothing.
fn start_among_turns() {
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..5 {
        go!(|| {
            loop {
                TURNS.fetch_add(1, Ordering::Relaxed); // only this thread's
                runtime::gosched();
            }
        });
    }
    (0..5000).for_each(|_| runtime::gosched()); // until it is known how short the turns are
    let begins_soon = |round: usize| {
        (0..round % 7).for_each(|_| runtime::gosched());
        let (begun, before) = (Chan::with_capacity(1), TURNS.load(Ordering::Relaxed)); // as above
        go!([begun] { begun.send(TURNS.load(Ordering::Relaxed)) });
        while begun.is_empty() {
            runtime::gosched();
        }
        begun.recv_or_default() - before <= 3
    };
    let soon = (0..300).filter(|round| begins_soon(*round)).count();
    println!("{}", if soon > 225 { "soon" } else { "late" });
}

/// Calls `f` on a stack that goconc knows nothing of.
fn with_a_foreign_stack(mut f: &mut dyn FnMut()) {
    extern "C" fn call(high: u32, low: u32) {
        let f = ((high as usize) << 32 | low as usize) as *mut &mut dyn FnMut();
        // SAFETY: the caller below passes its own, and waits in `swapcontext`.
        unsafe { (*f)() };
    }
    let f = (&raw mut f).expose_provenance();
    let mut stack = vec![0_u128; 1 << 14];
    // SAFETY: plain data, for which zeroes are as good as anything.
    let mut here: Box<libc::ucontext_t> = Box::new(unsafe { std::mem::zeroed() });
    // SAFETY: as above.
    let mut there: Box<libc::ucontext_t> = Box::new(unsafe { std::mem::zeroed() });
    // SAFETY: fills what is ours.
    unsafe { libc::getcontext(&raw mut *there) };
    there.uc_stack.ss_sp = stack.as_mut_ptr().cast();
    there.uc_stack.ss_size = size_of_val(&*stack);
    there.uc_link = &raw mut *here;
    // SAFETY: so C passes functions of any arguments to `makecontext`.
    let entry: extern "C" fn() = unsafe { std::mem::transmute(call as extern "C" fn(u32, u32)) };
    // SAFETY: two arguments, as `call` has; the stack lives until it has returned.
    unsafe { libc::makecontext(&raw mut *there, entry, 2, (f >> 32) as u32, f as u32) };
    // SAFETY: it comes back through `uc_link`.
    unsafe { libc::swapcontext(&raw mut *here, &raw const *there) };
}

/// Goroutines that yield and wait there: like plain threads.
fn on_a_foreign_stack() {
    let each = arg(2).unwrap_or(25);
    time::sleep(ms(100)); // until the proof is finished
    let (there, back) = (Chan::<usize>::new(), Chan::<usize>::new());
    for _ in 0..4 {
        go!([there, back] {
            with_a_foreign_stack(&mut || {
                for _ in 0..each {
                    runtime::gosched();
                    let n = there.recv_or_default();
                    back.send(n + 1);
                }
            });
        });
    }
    go!([there](0..4 * each).for_each(|n| there.send(n)));
    println!("{}", (0..4 * each).filter_map(|_| back.recv()).sum::<usize>());
}

/// Whoever is woken last by a goroutine that ends locked to its thread is not lost with the thread.
fn woken_by_one_that_ends_locked() {
    const N: usize = 8;
    time::sleep(ms(200)); // until the proof is finished
    for _ in 0..40 {
        let done = Chan::<()>::with_capacity(N);
        let wakers: Vec<_> = (0..N)
            .map(|_| {
                let gate = Chan::<()>::new();
                go!([gate, done] {
                    let _ = &gate; // or it would wait without a stack
                    gate.recv();
                    done.send(());
                });
                gate
            })
            .collect();
        time::sleep(ms(1));
        for gate in wakers {
            go! {
                gate.send(());
                runtime::lock_os_thread();
            }
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(500) {
            std::hint::spin_loop();
        }
        (0..N).for_each(|_| _ = done.recv());
    }
    println!("none lost");
}

fn beside_a_hog() {
    let started = Instant::now();
    while runtime::migration() != runtime::Migration::Moving {
        assert!(started.elapsed() < ms(10_000), "{}", runtime::migration());
        time::sleep(ms(1));
    }
    go! {
        loop {
            std::hint::spin_loop();
        }
    }
    time::sleep(ms(1));
    println!("woke");
}

fn main_returns() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            println!("dropped");
        }
    }
    let started = Chan::new();
    go!([started] {
        let _loud = Loud;
        started.send(());
        block_for_ever();
    });
    started.recv();
    println!("main returns");
}

fn panic_child() {
    go!(name = "bomber", || panic!("boom in child"));
    block_for_ever();
}

fn panic_race() {
    let start = Arc::new(AtomicBool::new(false));
    for i in 0..50 {
        let start = Arc::clone(&start);
        go! {
            while !start.load(Ordering::Acquire) {
                runtime::gosched();
            }
            panic!("boom {i}");
        }
    }
    for _ in 0..4 {
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    start.store(true, Ordering::Release);
    block_for_ever();
}

fn panic_detached() {
    drop(goconc::spawn(|| panic!("boom detached")));
    block_for_ever();
}

fn panic_detached_late() {
    let handle = goconc::spawn(|| panic!("boom detached"));
    while !handle.is_finished() {
        runtime::gosched();
    }
    drop(handle);
    println!("unreachable");
}

fn panic_scope() {
    goconc::scope(|s| s.go(|| panic!("boom in scope")));
    println!("unreachable");
}

fn panic_group() {
    let wg = Arc::new(WaitGroup::new());
    wg.go(|| panic!("boom in group"));
    wg.wait();
    println!("unreachable");
}

/// The note of a panic that was caught is not that of the next one.
fn panic_after_caught() {
    _ = catch_unwind(|| panic!("the caught one"));
    std::panic::resume_unwind(Box::new("the last one"));
}

/// As above, from one goroutine to the next on the same stack.
fn panic_after_others_note() {
    for _ in 0..100 {
        _ = goconc::spawn(|| _ = catch_unwind(|| panic!("another goroutine's"))).join();
    }
    let wg = Arc::new(WaitGroup::new());
    wg.go(|| std::panic::resume_unwind(Box::new("its own")));
    wg.wait();
}

struct PanicOnDrop;
impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("boom in drop");
    }
}

fn panic_local_drop() {
    goconc::goroutine_local! { static LOCAL: PanicOnDrop = PanicOnDrop; }
    go!(|| LOCAL.with(|_| ()));
    block_for_ever();
}

/// Rust ends the process; the message of the first panic must not be lost.
fn panic_in_drop() {
    let _bomb = PanicOnDrop;
    panic!("the first one");
}

#[expect(unconditional_recursion, reason = "that is the point")]
#[inline(never)]
fn deep(n: usize) -> usize {
    let here = std::hint::black_box([n; 32]);
    deep(n - 1) + here[n % 32]
}

#[inline(never)]
fn recurse(n: usize) -> usize {
    let here = std::hint::black_box([n; 16]);
    if n == 0 { 0 } else { recurse(n - 1) + here[n % 16] - n + 1 }
}

fn overflow() {
    go!(|| println!("{}", deep(usize::MAX)));
    block_for_ever();
}

fn overflow_named() {
    go!(stack_size = "1 MiB", || println!("{}", deep(usize::MAX)));
    block_for_ever();
}

fn overflow_in_drop() {
    struct Deep;
    impl Drop for Deep {
        fn drop(&mut self) {
            println!("{}", deep(usize::MAX));
        }
    }
    go! {
        let _deep = Deep;
        panic!("first");
    }
    block_for_ever();
}

/// While every thread is busy with the runtime.
fn overflow_busy() {
    for _ in 0..4 {
        go! {
            let ch = Chan::with_capacity(1);
            loop {
                ch.send(1);
                ch.recv();
                runtime::gosched();
            }
        }
    }
    overflow();
}

fn deep_enough() {
    // 20 KiB must fit on every stack, in a destructor while unwinding too.
    struct Deep;
    impl Drop for Deep {
        fn drop(&mut self) {
            println!("{}", recurse(100));
        }
    }
    let handle = goconc::spawn(|| {
        println!("{}", recurse(100));
        let _deep = Deep;
        panic!("boom");
    });
    assert_eq!(handle.join().unwrap_err().message(), "boom");
    let wg = Arc::new(WaitGroup::new());
    wg.go(|| {
        let _deep = Deep;
        runtime::goexit();
    });
    wg.wait();
}

fn deep_8mib() {
    let done = Chan::new();
    go!(stack_size = "8 MiB", [done] { done.send(recurse(20_000)) });
    println!("{:?}", done.recv());
}

fn quit() {
    go!(name = "stuck", || block_for_ever());
    go!(|| time::sleep(Duration::from_secs(100)));
    time::sleep(ms(20));
    println!("ready");
    loop {
        time::sleep(ms(100));
    }
}

/// The sentence: 64 goroutines that each sleep on their thread, as their first act.
fn sleepers_64() {
    let (wg, start) = (Arc::new(WaitGroup::new()), Instant::now());
    for _ in 0..64 {
        wg.go(|| std::thread::sleep(ms(100)));
    }
    wg.wait();
    println!("{:?}", start.elapsed());
}

/// The CPU time of this process, all threads.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to the timespec that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Prints the microseconds of CPU used within two quiet seconds: the least of a few windows, because the first may still
/// see the proof and sysmon calming down, and a busy machine drags that out.
fn parked_use_no_cpu() {
    let ch = Chan::<i32>::new();
    for _ in 0..1000 {
        go!([ch] ch.recv());
    }
    let mut least = u128::MAX;
    for _ in 0..10 {
        let before = cpu_time();
        time::sleep(ms(5000)); // sysmon takes some fifty rounds to fall asleep
        least = least.min((cpu_time() - before).as_micros());
        if least < 5000 {
            break;
        }
    }
    println!("{least}");
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn stacks_are_reused() {
    let churn = |n| {
        for _ in 0..n {
            goconc::spawn(|| std::hint::black_box([1_u8; 8000])[0]).join().unwrap();
        }
    };
    churn(1000);
    let before = resident_kib();
    churn(if cfg!(debug_assertions) { 10_000 } else { 100_000 });
    println!("{}", resident_kib().saturating_sub(before));
}

/// Prints how much memory so many parked goroutines take.
fn many_parked() {
    let n = arg(2).unwrap();
    let (gate, parked) = (Chan::<()>::new(), Arc::new(AtomicUsize::new(0)));
    let wg = Arc::new(WaitGroup::new());
    let start = Instant::now();
    for _ in 0..n {
        let (gate, parked) = (gate.clone(), Arc::clone(&parked));
        wg.go(move || {
            parked.fetch_add(1, Ordering::Relaxed);
            assert_eq!(gate.recv(), None);
        });
    }
    while parked.load(Ordering::Relaxed) < n {
        time::sleep(ms(1));
    }
    let (up, kib) = (start.elapsed(), resident_kib());
    assert!(runtime::num_goroutine() > n);
    gate.close();
    wg.wait();
    println!("{kib} KiB, started in {up:?}, all in {:?}", start.elapsed());
}

/// Every one needs a thread of its own, until there are too many.
fn threads() {
    for _ in 0..10_050 {
        go! {
            runtime::lock_os_thread();
            block_for_ever();
        }
    }
    time::sleep(Duration::from_secs(50));
}

/// Threads of goroutines that ended locked do not pile up for ever.
fn ended_locked_many() {
    let n = arg(2).unwrap();
    for _ in 0..n {
        goconc::spawn(runtime::lock_os_thread).join().unwrap();
    }
    println!("{}", runtime::metrics());
}

/// What `runtime::metrics` counts, each made to happen.
fn figures() {
    let (began, gate, done) = (Chan::new(), Chan::<()>::new(), Chan::new());
    for _ in 0..100 {
        go!([began, gate, done] {
            began.send(());
            gate.recv();
            done.send(());
        });
    }
    (0..100).for_each(|_| _ = began.recv());
    time::sleep(ms(50)); // the last ones get to the gate
    let parked = runtime::metrics();
    assert_eq!(parked.at_home.iter().sum::<usize>(), 101, "a hundred and main: {parked}");
    assert_eq!(parked.at_home.len(), parked.threads, "{parked}");

    // From a plain thread: through the global queue, or to their homes.
    std::thread::scope(|s| _ = s.spawn(|| gate.close()));
    (0..100).for_each(|_| _ = done.recv());
    let woken = runtime::metrics();
    let came = woken.global_takes - parked.global_takes + woken.mailed - parked.mailed;
    assert!(came >= 100, "{woken}");

    // More that compute than may run.
    for _ in 0..runtime::gomaxprocs(0) + 2 {
        go!(|| {
            let start = Instant::now();
            while start.elapsed() < ms(50) {
                std::hint::spin_loop();
            }
        });
    }
    time::sleep(ms(200));
    let computed = runtime::metrics();
    assert!(computed.retaken > woken.retaken, "{computed}");
    println!("{computed}");
}

fn threads_until_refused() {
    for _ in 0..200 {
        go!(|| std::thread::sleep(Duration::from_secs(3)));
    }
    time::sleep(Duration::from_secs(2));
    println!("{}", runtime::metrics());
}

fn memory_until_refused() {
    let gate = Chan::<()>::new();
    for _ in 0..10_000_000 {
        go!([gate] {
            std::hint::black_box([1_u8; 16_000]);
            _ = gate.recv();
        });
        runtime::gosched();
    }
}

fn gomaxprocs_1024() {
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..5000 {
        wg.go(|| {
            runtime::gosched();
            time::sleep(ms(1));
        });
    }
    wg.wait();
    println!("{}", runtime::gomaxprocs(-1));
}

/// `goexit` swallowed by a goroutine must not reach the next one on its stack.
fn goexit_swallowed() {
    for _ in 0..10 {
        let wg = Arc::new(WaitGroup::new());
        wg.go(|| _ = catch_unwind(|| runtime::goexit()));
        wg.wait();
        innocent();
    }
    println!("fine");
}

fn goexit_in_scope() {
    for _ in 0..10 {
        goconc::scope(|s| s.go(|| runtime::goexit()));
        innocent();
    }
    println!("fine");
}

/// Some goroutines that park and must come to their end.
fn innocent() {
    let ended = Arc::new(AtomicUsize::new(0));
    let ch = Chan::new();
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..4 {
        let (ended, ch) = (Arc::clone(&ended), ch.clone());
        wg.go(move || {
            ch.recv();
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    for _ in 0..4 {
        ch.send(());
    }
    wg.wait();
    assert_eq!(ended.load(Ordering::Relaxed), 4, "an innocent goroutine was ended");
}

/// A destructor that runs because of a panic waits for another goroutine.
fn park_in_unwinding_drop() {
    struct Wait(Chan<i32>);
    impl Drop for Wait {
        fn drop(&mut self) {
            assert_eq!(self.0.recv(), Some(1));
        }
    }
    for _ in 0..20 {
        let ch = Chan::new();
        let handle = goconc::spawn({
            let ch = ch.clone();
            move || {
                let _wait = Wait(ch);
                panic!("boom");
            }
        });
        runtime::gosched();
        ch.send(1);
        assert_eq!(handle.join().unwrap_err().message(), "boom");
        assert!(!std::thread::panicking());
    }
    innocent();
    println!("fine");
}

/// While a goroutine is parked in a destructor by which it unwinds, others on its thread are not taken to panic.
fn group_beside_unwinding() {
    struct Wait(Chan<i32>);
    impl Drop for Wait {
        fn drop(&mut self) {
            self.0.recv();
        }
    }
    let ch = Chan::new();
    let mut handles = Vec::new();
    for _ in 0..runtime::gomaxprocs(0) * 4 {
        let ch = ch.clone();
        handles.push(goconc::spawn(move || {
            let _wait = Wait(ch);
            panic!("boom");
        }));
    }
    time::sleep(ms(20));
    let wg = Arc::new(WaitGroup::new());
    for _ in 0..100 {
        wg.go(runtime::gosched);
    }
    wg.wait();
    let lock = Arc::new(std::sync::Mutex::new(0));
    for _ in 0..100 {
        let lock = Arc::clone(&lock);
        wg.go(move || *lock.lock().unwrap() += 1);
    }
    wg.wait();
    for _ in &handles {
        ch.send(1);
    }
    for handle in handles {
        assert_eq!(handle.join().unwrap_err().message(), "boom");
    }
    println!("fine");
}

/// Sleeps are not cut short by signals, which the process gets all the time.
fn signals() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: installs a handler that does nothing.
    unsafe { libc::signal(libc::SIGUSR1, nothing as extern "C" fn(libc::c_int) as usize) };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let sender = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let pid = std::process::id() as libc::pid_t;
            // SAFETY: takes numbers.
            unsafe { libc::kill(pid, libc::SIGUSR1) };
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    let wg = Arc::new(WaitGroup::new());
    for i in 1..20 {
        wg.go(move || {
            let start = Instant::now();
            time::sleep(ms(i * 10));
            assert!(start.elapsed() >= ms(i * 10), "{:?}", start.elapsed());
        });
    }
    let plain = std::thread::spawn(|| {
        let start = Instant::now();
        time::sleep(ms(100));
        assert!(start.elapsed() >= ms(100));
    });
    wg.wait();
    plain.join().unwrap();
    stop.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    println!("fine");
}

fn dump() {
    let ch = Chan::<i32>::new();
    go!(name = "reader", [ch] ch.recv());
    go! {
        runtime::lock_os_thread();
        time::sleep(Duration::from_secs(100));
    }
    go!(Chan::nil().send(1));
    go! {
        go!(|| wait_group());
        runtime::blocking(|| std::thread::sleep(Duration::from_secs(100)));
    }
    time::sleep(ms(50));
    println!("{}", runtime::stack_dump());
}

/// GO-024: what a locked goroutine did to its thread is not seen on threads made later.
fn affinity() {
    let all = affinity_of_this_thread();
    let (locked, gate) = (Chan::new(), Chan::<()>::new());
    go!([locked, gate] {
        runtime::lock_os_thread();
        set_affinity_to_one();
        for _ in 0..10 {
            go!(|| std::thread::sleep(ms(20)));
        }
        locked.send(affinity_of_this_thread());
        gate.recv();
    });
    assert_eq!(locked.recv(), Some(1));
    let seen = Chan::with_capacity(100);
    for _ in 0..20 {
        go!([seen] {
            std::thread::sleep(ms(30)); // so that new threads are needed
            seen.send(affinity_of_this_thread());
        });
    }
    for _ in 0..20 {
        assert_eq!(seen.recv(), Some(all));
    }
    println!("fine");
}

fn affinity_of_this_thread() -> usize {
    let mut set = std::mem::MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the set has the size we say.
    let r = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    assert_eq!(r, 0);
    // SAFETY: zeroed is a valid set, and the call has filled it in.
    let set = unsafe { set.assume_init() };
    // SAFETY: the set is initialised.
    usize::try_from(unsafe { libc::CPU_COUNT(&set) }).unwrap()
}

fn set_affinity_to_one() {
    // SAFETY: a zeroed set is an empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: sched_getcpu takes nothing.
    let cpu = usize::try_from(unsafe { libc::sched_getcpu() }).unwrap();
    // SAFETY: the number of a CPU that exists.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set has the size we say.
    let r = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    assert_eq!(r, 0);
}
