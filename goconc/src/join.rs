//! `spawn` and `JoinHandle`, `run`, `scope`: goroutines whose end somebody waits for.

use core::any::Any;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::chan::{Waitable, Waiters};
use crate::gmp::unwinding::{Escaped, GoexitToken, Panic, Recovery};
use crate::gmp::{WaitReason, g};
use crate::panics;
use crate::sched::spawn::{self, Wish};
use crate::wait::group::Group;

/// Where a panic happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicLocation {
    file: String,
    line: u32,
    column: u32,
}

impl PanicLocation {
    pub(crate) fn new((file, line, column): (String, u32, u32)) -> Self {
        PanicLocation { file, line, column }
    }

    /// The source file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1.
    pub fn column(&self) -> u32 {
        self.column
    }
}

impl fmt::Display for PanicLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The panic of a goroutine, as a value.
///
/// # Examples
/// ```
/// let error = goconc::spawn(|| panic!("boom")).join().unwrap_err();
/// assert_eq!(error.message(), "boom");
/// assert!(error.location().is_some());
/// ```
pub struct PanicError {
    message: String,
    location: Option<PanicLocation>,
    payload: Box<dyn Any + Send>,
}

impl PanicError {
    fn new(escaped: Escaped) -> Self {
        let Escaped { panic, payload, .. } = escaped;
        let Some(panic) = panic else {
            let message = "the goroutine called runtime::goexit".to_owned();
            return PanicError { message, location: None, payload };
        };
        let location = panic.location.map(PanicLocation::new);
        PanicError { message: panic.message, location, payload: panics::value_of(payload) }
    }

    /// The text of the panic.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it happened. `None` when that is not known (`resume_unwind`, a panic hook of the program's own).
    pub fn location(&self) -> Option<&PanicLocation> {
        self.location.as_ref()
    }

    /// The value that the goroutine panicked with, for `std::panic::resume_unwind`.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
    }

    fn is_goexit(&self) -> bool {
        self.payload.is::<GoexitToken>()
    }

    /// Nobody can observe this panic any more: it ends the process like any other.
    fn die(&self) -> ! {
        let at = self.location.as_ref().map(|at| (at.file.clone(), at.line, at.column));
        panics::die_with(&self.message, at.as_ref(), None)
    }
}

impl fmt::Debug for PanicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PanicError")
            .field("message", &self.message)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PanicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PanicError {}

/// What a goroutine and its handle share.
struct Packet<T> {
    running: Group,
    state: Mutex<State<T>>,
    /// Selects that have the handle as an arm.
    selects: Waiters,
}

struct State<T> {
    result: Option<Result<T, PanicError>>,
    /// Nobody will ask for the result.
    detached: bool,
    /// Somebody may be in `selects`.
    selected: bool,
}

/// The result of a goroutine, to be waited for. Dropping it detaches the goroutine.
///
/// A panic that nobody can observe any more, because the handle is gone, ends the process like any other.
///
/// It can be an arm of a `select!`, which takes the result as [`join`](JoinHandle::join) gives it:
/// ```
/// use std::time::Duration;
///
/// use goconc::{select, time};
///
/// let handle = goconc::spawn(|| 6 * 7);
/// select! {
///     result = <-handle => assert_eq!(result.unwrap(), 42),
///     <-time::after(Duration::from_secs(60)) => panic!("too late"),
/// }
/// ```
pub struct JoinHandle<T> {
    packet: Arc<Packet<T>>,
}

impl<T> JoinHandle<T> {
    /// Waits for the goroutine and gives its result.
    ///
    /// # Parks
    /// Until the goroutine has ended.
    ///
    /// # Errors
    /// [`PanicError`]: it panicked, or it called `runtime::goexit`.
    ///
    /// # Panics
    /// `join: a select has taken the result`, if one has.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(goconc::spawn(|| 6 * 7).join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T, PanicError> {
        self.packet.running.wait_as(WaitReason::Join, Location::caller());
        let (result, selected) = {
            let mut state = self.packet.state.lock();
            (state.result.take(), state.selected)
        };
        match result {
            Some(result) => result,
            None if selected => panic!("join: a select has taken the result"),
            None => crate::sys::throw::throw("join: a goroutine has ended without a result"),
        }
    }

    /// Whether the goroutine has ended.
    pub fn is_finished(&self) -> bool {
        self.packet.running.count() == 0
    }
}

/// Ready once the goroutine has ended. There is one result: a second select that waits for it waits for ever.
impl<T> Waitable for JoinHandle<T> {
    type Output = Result<T, PanicError>;

    fn try_take(&self) -> Option<Result<T, PanicError>> {
        self.packet.state.lock().result.take()
    }

    fn waiters(&self) -> &Waiters {
        // Under the lock under which the goroutine leaves its result: either it is there by now, or `finish` sees this.
        self.packet.state.lock().selected = true;
        &self.packet.selects
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let mut state = self.packet.state.lock();
        state.detached = true;
        let result = state.result.take();
        drop(state); // the result's destructor is the user's code
        if let Some(Err(error)) = &result
            && !error.is_goexit()
        {
            error.die();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// Starts `f` as a goroutine whose result can be waited for.
///
/// Go: a goroutine that sends its result on a channel of capacity 1.
///
/// # Examples
/// ```
/// let handle = goconc::spawn(|| (1..=10).sum::<i32>());
/// assert_eq!(handle.join().unwrap(), 55);
/// ```
#[track_caller]
pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    spawn_with(f, Wish::default(), Location::caller())
}

pub(crate) fn spawn_with<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
    wish: Wish,
    at: &'static Location<'static>,
) -> JoinHandle<T> {
    let packet = Arc::new(Packet {
        running: Group::new(),
        state: Mutex::new(State { result: None, detached: false, selected: false }),
        selects: Waiters::new(),
    });
    packet.running.add(1);
    let theirs = Arc::clone(&packet);
    spawn::spawn(move || finish(&theirs, catch(f)), wish, at);
    JoinHandle { packet }
}

/// Runs `f` and turns its panic into a value. It is a frame: a deferred call may end the panic.
fn catch<T: 'static>(f: impl FnOnce() -> T) -> Result<T, PanicError> {
    catch_unwind(AssertUnwindSafe(f)).or_else(|payload| {
        let Some(g) = g::current() else {
            crate::sys::throw::throw("join: a goroutine is none");
        };
        let caught = panics::caught(g.unwindings(|unwindings| unwindings.catch(payload)));
        g.goexiting.set(false); // it ends right here, with what `goexit` has unwound
        caught.map_err(PanicError::new).and_then(result_of)
    })
}

/// The result of a goroutine that has recovered from its panic: what the recovery gave, or `()`.
fn result_of<T: 'static>(mut recovery: Recovery) -> Result<T, PanicError> {
    let value = recovery.given.as_mut().map(|given| core::mem::replace(&mut given.value, Box::new(())));
    let value = value.unwrap_or_else(|| Box::new(()));
    value.downcast::<T>().map(|value| *value).map_err(|_| {
        let message = panics::no_result(&recovery, core::any::type_name::<T>());
        PanicError { payload: Box::new(message.clone()), message, location: None }
    })
}

fn finish<T>(packet: &Packet<T>, result: Result<T, PanicError>) {
    let mut state = packet.state.lock();
    if !state.detached {
        state.result = Some(result);
        let selected = state.selected;
        drop(state);
        if selected {
            packet.selects.wake_all();
        }
    } else {
        drop(state); // the result's destructor is the user's code
        if let Err(error) = &result
            && !error.is_goexit()
        {
            error.die();
        }
    }
    packet.running.add(-1);
}

/// Runs `f` as a goroutine and waits for it.
///
/// # Blocks the thread
/// Until `f` has returned; a calling goroutine is parked.
///
/// # Panics
/// With the panic of `f`; and when `f` calls `runtime::goexit`, because there is no result then.
///
/// # Examples
/// ```
/// let n = goconc::run(|| {
///     let ch = goconc::Chan::new();
///     goconc::go!([ch] ch.send(42));
///     ch.recv().unwrap()
/// });
/// assert_eq!(n, 42);
/// ```
#[track_caller]
pub fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn(f).join() {
        Ok(value) => value,
        Err(error) if error.is_goexit() => panic!("goconc::run: {error}"),
        Err(error) => {
            // The hook was silent, because somebody could still observe the panic; this is where it goes on.
            if g::current().is_none() {
                let at = error.location().map_or(String::new(), |at| format!(" at {at}"));
                eprintln!("a goroutine panicked{at}:\n{error}");
            }
            let PanicError { message, location, payload } = error;
            let location = location.map(|at| (at.file, at.line, at.column));
            let panic = Panic { location, ..Panic::of_message(message) };
            panics::throw_on(Escaped { panic: Some(Box::new(panic)), goexit: false, payload })
        }
    }
}

/// A place to start goroutines that borrow. See [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    running: Group,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("running", &self.running.count()).finish_non_exhaustive()
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts `f` as a goroutine of the scope: it may borrow what outlives the scope.
    ///
    /// # Examples
    /// See [`scope`].
    #[track_caller]
    pub fn go(&'scope self, f: impl FnOnce() + Send + 'scope) {
        struct Done<'a>(&'a Group);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.add(-1);
            }
        }
        self.running.add(1);
        let done = Done(&self.running);
        let body = move || {
            // The last thing: a panic of `f` that nobody recovers must end the process before the scope can return.
            let done = done;
            match catch_unwind(AssertUnwindSafe(f)) {
                Ok(()) => {}
                Err(payload) => match g::current() {
                    Some(g) => panics::end_of_goroutine(g, payload),
                    None => panics::die_with(&panics::message_of(&*payload), None, None),
                },
            }
            drop(done);
        };
        // SAFETY: `scope` does not return, and does not unwind, before `running` is zero, so what `f` borrows is alive;
        // `f` is Send, and so is a reference to a Group.
        unsafe { spawn::spawn_unchecked(body, Wish::default(), Location::caller()) };
    }
}

/// Runs `f`, which may start goroutines that borrow from outside; returns when all of them have ended.
///
/// Go: a `sync.WaitGroup` and discipline.
///
/// # Parks
/// Until every goroutine of the scope has ended.
///
/// # Panics
/// With the panic of `f`, after all goroutines have ended. A panic of one of them ends the process, as everywhere.
///
/// # Examples
/// ```
/// let numbers = [1, 2, 3];
/// let (mut sum, mut product) = (0, 1);
/// goconc::scope(|s| {
///     s.go(|| sum = numbers.iter().sum());
///     s.go(|| product = numbers.iter().product());
/// });
/// assert_eq!((sum, product), (6, 6));
/// ```
#[track_caller]
pub fn scope<'env, T>(f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T) -> T {
    let scope = Scope { running: Group::new(), scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.running.wait_as(WaitReason::Scope, Location::caller());
    result.unwrap_or_else(|payload| resume_unwind(payload))
}
