//! The mistakes of `ui/`, corrected: what must compile next to what must not, and what it does then. Ordinary tests and
//! not `pass` cases: with one of those `trybuild` builds all programs one after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use goconc::prelude::*;

mod directions {
    use super::*;

    #[goroutine]
    fn worker(jobs: Recv<i32>, results: chan::Send<i32>) {
        for job in jobs {
            results.send(job * 2);
        }
        results.close();
    }

    /// CH-034
    #[test]
    fn both_ways_convert_to_either() {
        let (jobs, results) = (Chan::with_capacity(1), Chan::with_capacity(1));
        jobs.send(1);
        jobs.close();
        worker(&jobs, &results);
        assert_eq!(results.iter().collect::<Vec<_>>(), [2]);
    }

    /// CH-034
    #[test]
    fn one_way_stays_so() {
        let (jobs, todo) = Chan::new().split();
        let (done, results) = Chan::new().split();
        go!(worker(&todo, &done));
        jobs.send(2);
        jobs.close();
        assert_eq!(results.iter().collect::<Vec<_>>(), [4]);
    }
}

mod go {
    use super::*;

    #[test]
    fn captured_handle_stays_usable() {
        let ch = Chan::new();
        for i in 1..=3 {
            go!([ch] ch.send(i));
        }
        assert_eq!((0..3).filter_map(|_| ch.recv()).sum::<i32>(), 6);
    }

    #[test]
    fn field_is_named_first() {
        struct Server {
            jobs: Chan<i32>,
        }
        let server = Server { jobs: Chan::new() };
        let jobs = &server.jobs;
        go!([jobs] jobs.send(1));
        assert_eq!(server.jobs.recv(), Some(1));
    }

    #[test]
    fn question_mark_of_the_caller() -> Result<(), std::num::ParseIntError> {
        let ch = Chan::new();
        go!(ch.clone().send("5".parse::<i32>()?));
        assert_eq!(ch.recv(), Some(5));
        Ok(())
    }

    #[test]
    fn self_in_an_arc() {
        struct Server {
            ran: Chan<bool>,
        }
        impl Server {
            fn run(&self) {
                self.ran.send(true);
            }

            fn start(self: &Arc<Self>) {
                go!(self.run());
            }
        }
        let server = Arc::new(Server { ran: Chan::new() });
        server.start();
        assert_eq!(server.ran.recv(), Some(true));
    }
}

mod races {
    use super::*;

    #[test]
    fn counter() {
        static COUNTER: AtomicI32 = AtomicI32::new(0);
        static WG: sync::WaitGroup = sync::WaitGroup::new();

        fn routine() {
            COUNTER.fetch_add(1, Ordering::Relaxed);
            WG.done();
        }

        WG.add(2);
        go!(routine());
        go!(routine());
        WG.wait();
        assert_eq!(COUNTER.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn loop_variable() {
        let seen = Chan::with_capacity(5);
        for i in 0..5 {
            go!([seen] seen.send(i));
        }
        let mut seen: Vec<i32> = (0..5).filter_map(|_| seen.recv()).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn shared_err() {
        let (mut first, mut second) = (Ok(()), Ok(()));
        goconc::scope(|s| {
            s.go(|| first = Err("first"));
            s.go(|| second = Err("second"));
        });
        assert_eq!((first, second), (Err("first"), Err("second")));
    }

    #[test]
    fn global_map() {
        static SERVICE: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

        fn register(name: String, addr: String) {
            SERVICE.lock().unwrap().insert(name, addr);
        }

        goconc::run(|| register("db".into(), "localhost".into()));
        assert_eq!(SERVICE.lock().unwrap()["db"], "localhost");
    }

    #[test]
    fn struct_field() {
        struct Watchdog {
            last: AtomicU64,
        }
        impl Watchdog {
            fn keep_alive(&self) {
                self.last.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dog = Watchdog { last: AtomicU64::new(0) };
        goconc::scope(|s| {
            s.go(|| dog.keep_alive());
            dog.keep_alive();
        });
        assert_eq!(dog.last.into_inner(), 2);
    }

    #[test]
    fn flag() {
        let ready = AtomicBool::new(false);
        goconc::scope(|s| {
            s.go(|| ready.store(true, Ordering::Release));
            while !ready.load(Ordering::Acquire) {
                runtime::gosched();
            }
        });
        assert!(ready.into_inner());
    }

    #[test]
    fn map_of_a_struct() {
        struct Store {
            entries: Mutex<BTreeMap<String, i32>>,
        }
        impl Store {
            fn set(&self, key: &str, value: i32, done: &Chan<()>) {
                self.entries.lock().unwrap().insert(key.to_owned(), value);
                done.send(());
            }
        }
        let (store, done) = (Arc::new(Store { entries: Mutex::default() }), Chan::new());
        go!([store] store.set("a", 1, &done));
        go!([store] store.set("b", 2, &done));
        assert_eq!(done.iter().take(2).count(), 2);
        assert_eq!(store.entries.lock().unwrap().len(), 2);
    }

    #[test]
    fn append_to_shared_slice() {
        let results = Mutex::new(Vec::new());
        goconc::scope(|s| {
            s.go(|| results.lock().unwrap().push(1));
            s.go(|| results.lock().unwrap().push(2));
        });
        assert_eq!(results.into_inner().unwrap().len(), 2);
    }

    #[test]
    fn get_number() {
        let number = goconc::spawn(|| 5);
        assert_eq!(number.join().unwrap(), 5);
    }
}

mod wait_group {
    use super::*;

    fn worker(wg: &sync::WaitGroup) {
        wg.done();
    }

    #[test]
    fn shared_in_an_arc() {
        let wg = Arc::new(sync::WaitGroup::new());
        wg.add(2);
        go!(worker(&wg));
        go!([wg] wg.done());
        wg.wait();
    }
}

mod scope {
    #[test]
    fn children_read_what_outlives_them() {
        let numbers = [1, 2, 3];
        let (mut sum, mut product) = (0, 0);
        goconc::scope(|s| {
            s.go(|| sum = numbers.iter().sum());
            s.go(|| product = numbers.iter().product());
        });
        assert_eq!((sum, product), (6, 6));
    }
}

mod defer {
    use super::*;

    #[test]
    fn written_in_between() {
        let n = std::cell::Cell::new(0);
        {
            defer! { n.set(n.get() + 1) }
            n.set(n.get() + 1);
        }
        assert_eq!(n.get(), 2);
    }

    #[test]
    fn clone_is_captured() {
        let text = String::from("x");
        defer!([text] drop(text));
        assert_eq!(text, "x");
    }

    fn helper() {
        assert!(goconc::recover().is_some());
    }

    #[goroutine]
    fn first(text: &str) -> String {
        defer! { recover().unwrap().returning("none".to_owned()) }
        text[..1].to_owned()
    }

    #[goroutine]
    fn recovered_by_a_helper() {
        defer!(helper());
        panic!("x");
    }

    #[test]
    fn recovers() {
        recovered_by_a_helper();
        assert_eq!(first(""), "none");
    }
}
