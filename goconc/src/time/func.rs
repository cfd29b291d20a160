//! `after_func`: a timer that starts a goroutine.
//!
//! While it is armed, the heap holds a reference to the [`Func`]; arming takes it, stopping gives it back, and firing hands it
//! to `fire`. All three happen under `Func::lock`, but for firing, which is decided under the heap's lock: so a stop either
//! finds the timer in the heap, or the function is on its way.

use core::panic::{Location, RefUnwindSafe};
use core::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Timer, nanos};
use crate::sched::spawn::{self, Wish};
use crate::sched::timers;
use crate::sys::soon::soon;
use crate::timer::{Firing, NEVER, Node, Ops};

/// A function to be called when the time has come.
#[repr(C)]
pub(super) struct Func {
    node: Node,
    /// Held while the timer is armed or stopped.
    lock: Mutex<()>,
    calls: Mutex<Calls>,
    made_at: &'static Location<'static>,
}

// SAFETY: the node is touched under `lock` or by the heap under its own; what is called is `Send`, and called by one goroutine
// at a time.
unsafe impl Sync for Func {}
// SAFETY: as above; nothing in it is tied to a thread.
unsafe impl Send for Func {}

// No user code runs under its locks, and a panic of `f` ends the process: nobody sees it half changed.
impl RefUnwindSafe for Func {}

struct Calls {
    /// `None`: some goroutine is calling it.
    f: Option<Box<dyn FnMut() + Send>>,
    /// How often that one is to call it again.
    again: u32,
}

static OPS: Ops = Ops { due: |_| true, prepare: |_| (), fire };

/// Calls `f` in a goroutine of its own after `d`.
///
/// Go: `time.AfterFunc(d, f)`
///
/// `stop` on the timer prevents the call, `reset` postpones it, or has `f` called again. Dropping the timer does neither. Calls
/// do not overlap: one that comes due while `f` runs follows it, in the same goroutine.
///
/// # Panics
/// A panic of `f` ends the process, like that of any goroutine.
///
/// # Examples
/// ```
/// use goconc::{Chan, time};
///
/// let done = Chan::new();
/// let sender = done.sender();
/// let timer = time::after_func(time::MILLISECOND, move || sender.send("called"));
/// assert_eq!(done.recv(), Some("called"));
/// assert!(!timer.stop()); // too late
/// ```
#[track_caller]
pub fn after_func(d: Duration, f: impl FnMut() + Send + 'static) -> Timer {
    let func = Arc::new(Func {
        node: Node::new(&OPS),
        lock: Mutex::new(()),
        calls: Mutex::new(Calls { f: Some(Box::new(f)), again: 0 }),
        made_at: Location::caller(),
    });
    func.start(nanos(d));
    Timer::of_func(func)
}

impl Func {
    /// True: it was armed.
    pub(super) fn start(self: &Arc<Self>, delay: u64) -> bool {
        let when = soon().saturating_add(delay).min(NEVER - 1);
        let pointer = Arc::into_raw(Arc::clone(self)).cast_mut();
        // SAFETY: an Arc's content has an address.
        let node = unsafe { NonNull::new_unchecked(pointer) }.cast();
        let guard = self.lock.lock();
        // SAFETY: the node is the first field; the reference that was just taken keeps it alive while it is in the heap.
        let armed = unsafe { timers::arm(node, when, timers::here()) };
        drop(guard);
        if armed.again {
            // SAFETY: the heap had its reference already: ours is one too many.
            unsafe { Arc::decrement_strong_count(pointer) };
        }
        armed.announce();
        armed.again
    }

    /// True: it was armed.
    pub(super) fn stop(self: &Arc<Self>) -> bool {
        let guard = self.lock.lock();
        // SAFETY: we hold the owner's lock.
        let stopped = unsafe { self.node.disarm() };
        drop(guard);
        if stopped {
            // SAFETY: the heap's reference, which it has no longer.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(self)) };
        }
        stopped
    }

    /// Calls the function in a goroutine of its own.
    fn launch(self: Arc<Self>) {
        let made_at = self.made_at;
        spawn::spawn(move || self.call(), Wish::default(), made_at);
    }

    fn call(self: Arc<Self>) {
        let mut calls = self.calls.lock();
        let Some(f) = calls.f.take() else {
            calls.again += 1;
            return;
        };
        drop(calls);
        let mut running = Running { func: &self, f: Some(f) };
        while running.call() {}
    }
}

struct Running<'a> {
    func: &'a Arc<Func>,
    f: Option<Box<dyn FnMut() + Send>>,
}

impl Running<'_> {
    /// Calls the function. True: it is to be called again.
    fn call(&mut self) -> bool {
        if let Some(f) = &mut self.f {
            f();
        }
        let mut calls = self.func.calls.lock();
        let again = calls.again != 0;
        if again {
            calls.again -= 1;
        } else {
            calls.f = self.f.take();
        }
        again
    }
}

impl Drop for Running<'_> {
    /// The function has ended its goroutine: it is given back, and calls that came due meanwhile go on in another one.
    fn drop(&mut self) {
        let Some(f) = self.f.take() else { return };
        let mut calls = self.func.calls.lock();
        calls.f = Some(f);
        let again = calls.again != 0;
        calls.again -= u32::from(again);
        drop(calls);
        if again {
            Arc::clone(self.func).launch();
        }
    }
}

/// Starts the goroutine.
unsafe fn fire(node: NonNull<Node>, _: Firing) {
    let pointer = node.cast::<Func>().as_ptr().cast_const();
    // SAFETY: the heap's reference, which is ours now.
    unsafe { Arc::from_raw(pointer) }.launch();
}
