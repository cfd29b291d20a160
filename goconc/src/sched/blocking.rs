//! Helper threads for calls that block: `runtime::blocking` runs the call on one while the goroutine is parked.
//!
//! The threads take jobs from one queue; one that finds none for ten seconds ends. A job in flight counts as a possible
//! waker for the deadlock report, an idle helper does not.

use core::sync::atomic::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::sched::counts::Counts;
use crate::sched::dead::{self, OUTSIDE_WAKERS};
use crate::sched::sysmon::HELPERS;
use crate::sched::{gomaxprocs, run};

/// How long a helper without work stays.
const LINGER: Duration = Duration::from_secs(10);

/// A call, made to look as if it borrowed nothing.
pub(crate) struct Job(Box<dyn FnOnce() + Send>);

impl core::fmt::Debug for Job {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Job")
    }
}

impl Job {
    /// Wraps a call.
    ///
    /// # Safety
    /// * The caller waits until the job has run to its end before anything that `f` borrows goes away.
    pub(crate) unsafe fn new<'a>(f: Box<dyn FnOnce() + Send + 'a>) -> Job {
        // SAFETY: only the lifetime changes, and the caller keeps what is borrowed alive.
        Job(unsafe {
            core::mem::transmute::<Box<dyn FnOnce() + Send + 'a>, Box<dyn FnOnce() + Send + 'static>>(f)
        })
    }
}

struct Pool {
    jobs: VecDeque<Job>,
    /// Helpers that wait for a job.
    idle: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { jobs: VecDeque::new(), idle: 0 });
static WORK: Condvar = Condvar::new();

/// Queues a job, and makes a helper for it if none is idle.
pub(crate) fn submit(job: Job) {
    OUTSIDE_WAKERS.fetch_add(1, Ordering::SeqCst); // before our goroutine parks; see `dead::check`
    let mut pool = POOL.lock();
    pool.jobs.push_back(job);
    if pool.idle >= pool.jobs.len() {
        WORK.notify_one();
        return;
    }
    drop(pool);
    if let Err(error) = std::thread::Builder::new().name("goconc-blocking".to_owned()).spawn(help) {
        run::no_thread(&error);
    }
}

fn help() {
    HELPERS.begin();
    let mut pool = POOL.lock();
    loop {
        if let Some(Job(job)) = pool.jobs.pop_front() {
            drop(pool);
            job();
            OUTSIDE_WAKERS.fetch_sub(1, Ordering::SeqCst); // after the job has readied its goroutine
            if Counts::glance().idle() == gomaxprocs() as u64 {
                dead::check(); // the goroutine may have parked again before the line above
            }
            pool = POOL.lock();
            continue;
        }
        pool.idle += 1;
        let timed_out = WORK.wait_for(&mut pool, LINGER).timed_out();
        pool.idle -= 1;
        if timed_out && pool.jobs.is_empty() {
            break;
        }
    }
    HELPERS.end();
}
