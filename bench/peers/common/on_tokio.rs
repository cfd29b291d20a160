//! Tasks of tokio, with as many workers as Go has Ps.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::table::procs;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(procs()).enable_all().build();
    runtime.expect("threads can be started")
});

/// Runs `f` as a task, so that it is on a worker as Go's main is on a P, and waits for it.
pub(crate) fn on_tokio<T: Send + 'static>(f: impl Future<Output = T> + Send + 'static) -> T {
    let task = RUNTIME.spawn(f);
    RUNTIME.block_on(task).expect("a task does not panic but with a wrong result")
}

/// What Go's `sync.WaitGroup` is, for one waiter.
#[derive(Debug)]
pub(crate) struct WaitGroup {
    count: AtomicUsize,
    zero: Notify,
}

impl WaitGroup {
    pub(crate) const fn new() -> Self {
        WaitGroup { count: AtomicUsize::new(0), zero: Notify::const_new() }
    }

    pub(crate) fn add(&self, n: usize) {
        self.count.fetch_add(n, Ordering::Relaxed); // before whoever calls `done` is there
    }

    pub(crate) fn done(&self) {
        // AcqRel: what the others did before their `done` is visible to who waits.
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.zero.notify_one();
        }
    }

    pub(crate) async fn wait(&self) {
        while self.count.load(Ordering::Acquire) != 0 {
            self.zero.notified().await;
        }
    }
}
