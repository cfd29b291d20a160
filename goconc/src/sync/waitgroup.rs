//! `WaitGroup`: waits for a collection of goroutines.

use core::fmt;
use core::panic::Location;
use std::sync::{Arc, OnceLock};

use crate::chan::{Waitable, Waiters};
use crate::wait::group::Group;

/// Waits for a collection of goroutines to finish.
///
/// Go: `sync.WaitGroup`
///
/// Shared as an `Arc<WaitGroup>` or as a `static`; it cannot be copied by mistake, because it is not `Clone`.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use goconc::{go, sync::WaitGroup};
///
/// let wg = Arc::new(WaitGroup::new());
/// for i in 0..3 {
///     wg.add(1);
///     go!([wg] {
///         println!("goroutine {i}");
///         wg.done();
///     });
/// }
/// wg.wait();
/// ```
///
/// It can be an arm of a `select!`, which is ready while the counter is zero:
/// ```
/// use std::sync::Arc;
///
/// use goconc::sync::WaitGroup;
/// use goconc::{select, time};
///
/// let wg = Arc::new(WaitGroup::new());
/// wg.go(|| time::sleep(time::MILLISECOND));
/// select! {
///     <-wg => {}
///     <-time::after(60 * time::SECOND) => panic!("too late"),
/// }
/// ```
pub struct WaitGroup {
    /// Made when it is first used, so that `new` can be `const`; shared with the goroutines of [`go`](WaitGroup::go), which
    /// may outlive this.
    counted: OnceLock<Arc<Counted>>,
}

/// What a group and its goroutines share.
struct Counted {
    group: Group,
    /// Selects that have the group as an arm.
    selects: Waiters,
}

impl Counted {
    #[inline]
    #[track_caller]
    fn add(&self, delta: isize) {
        if self.group.add(delta) {
            self.selects.wake_all();
        }
    }
}

impl WaitGroup {
    /// A group whose counter is zero.
    pub const fn new() -> Self {
        WaitGroup { counted: OnceLock::new() }
    }

    #[inline]
    fn counted(&self) -> &Arc<Counted> {
        self.counted.get_or_init(|| Arc::new(Counted { group: Group::new(), selects: Waiters::new() }))
    }

    /// Adds `delta`, which may be negative, to the counter. At zero all waiters go on.
    ///
    /// Go: `wg.Add(delta)`
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`; `sync: WaitGroup misuse: Add called concurrently with Wait`, when the counter
    /// leaves zero while goroutines that waited for it have not gone on yet.
    ///
    /// # Examples
    /// ```
    /// let wg = goconc::sync::WaitGroup::new();
    /// wg.add(2);
    /// wg.add(-2);
    /// wg.wait();
    /// ```
    #[inline]
    #[track_caller]
    pub fn add(&self, delta: isize) {
        self.counted().add(delta);
    }

    /// Takes one off the counter.
    ///
    /// Go: `wg.Done()`
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`.
    #[inline]
    #[track_caller]
    pub fn done(&self) {
        self.add(-1);
    }

    /// Waits until the counter is zero.
    ///
    /// Go: `wg.Wait()`
    ///
    /// # Parks
    /// Until the counter is zero.
    ///
    /// # Panics
    /// `sync: WaitGroup is reused before previous Wait has returned`.
    #[track_caller]
    pub fn wait(&self) {
        self.counted().group.wait();
    }

    /// Starts `f` as a goroutine of the group: adds one now, and takes it off when `f` has returned or called `goexit`.
    ///
    /// Go: `wg.Go(f)`. A panic of `f` is not counted off, as in Go: it ends the process.
    ///
    /// # Examples
    /// ```
    /// use goconc::sync::WaitGroup;
    ///
    /// let wg = WaitGroup::new();
    /// wg.go(|| println!("hello"));
    /// wg.wait();
    /// ```
    #[track_caller]
    pub fn go(&self, f: impl FnOnce() + core::marker::Send + 'static) {
        self.add(1);
        let counted = Arc::clone(self.counted());
        crate::sched::spawn::spawn(
            move || {
                let mut done = DoneUnlessPanicking { counted: &counted, returned: false };
                f();
                done.returned = true;
            },
            crate::sched::spawn::Wish::default(),
            Location::caller(),
        );
    }
}

/// Ready while the counter is zero. Unlike [`wait`](WaitGroup::wait), a select does not mind when the group is used again before
/// it has looked: then it goes on waiting.
impl Waitable for WaitGroup {
    type Output = ();

    fn try_take(&self) -> Option<()> {
        self.counted().group.is_zero_or_watch().then_some(())
    }

    fn waiters(&self) -> &Waiters {
        &self.counted().selects
    }
}

/// Counts off when its goroutine ends, by return, by `goexit` or after a recovery; a panic that nobody recovers ends the
/// process anyway.
struct DoneUnlessPanicking<'a> {
    counted: &'a Counted,
    returned: bool,
}

impl Drop for DoneUnlessPanicking<'_> {
    fn drop(&mut self) {
        // Not `std::thread::panicking`: that may be another goroutine's panic, parked on this thread.
        if self.returned || crate::gmp::g::current().is_some_and(crate::panics::ends_well) {
            self.counted.add(-1);
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("counter", &self.counted.get().map_or(0, |counted| counted.group.count()))
            .finish_non_exhaustive()
    }
}
