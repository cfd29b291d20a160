//! Scenarios of programs without `#[goroutine]` on main: `plain NAME`. Run by the tests.

use std::time::Duration;

use goconc::prelude::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("recv") => _ = Chan::<i32>::new().recv(),
        Some("two_threads") => {
            std::thread::spawn(|| Chan::<i32>::new().recv());
            std::thread::sleep(ms(50));
            Chan::<i32>::new().recv();
        }
        Some("goroutine_and_thread") => {
            go!(Chan::<i32>::new().recv());
            std::thread::sleep(ms(50));
            Chan::<i32>::new().recv();
        }
        Some("run") => goconc::run(|| _ = Chan::<i32>::new().recv()),
        Some("thread_sleeps") => {
            let ch = Chan::new();
            let sender = ch.sender();
            std::thread::spawn(move || {
                std::thread::sleep(ms(1500));
                sender.send(());
            });
            goconc::run(move || ch.recv());
        }
        Some("thread_sends_for_ever") => {
            // Between two sends everything of ours is asleep, and the sender is in no operation of ours.
            let ch = Chan::new();
            let sender = ch.sender();
            std::thread::spawn(move || {
                for i in 0..300 {
                    std::thread::sleep(Duration::from_micros(i * 37 % 3000));
                    sender.send(i);
                }
                sender.close();
            });
            println!("{}", goconc::run(move || ch.iter().count()));
        }
        Some("threads_come_and_go") => threads_come_and_go(),
        Some("panic_run") => goconc::run(|| panic!("boom in run")),
        Some("panic_plain") => {
            goconc::run(|| ());
            panic!("boom on a plain thread");
        }
        Some("panic_go") => {
            go!(|| panic!("boom in go"));
            std::thread::sleep(Duration::from_secs(50));
        }
        Some("returns") => go!(|| std::thread::sleep(Duration::from_secs(50))),
        other => println!("no such scene: {other:?}"),
    }
}

fn threads_come_and_go() {
    let ch = Chan::new();
    let sender = ch.sender();
    std::thread::spawn(move || {
        for i in 0..200 {
            let sender = sender.clone();
            let one = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_micros(i * 53 % 1000));
                sender.send(i);
            });
            one.join().unwrap();
        }
    });
    goconc::run(move || (0..200).for_each(|_| _ = ch.recv()));
    println!("200");
}
