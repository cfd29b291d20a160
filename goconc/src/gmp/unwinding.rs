//! What a goroutine, or a plain thread, knows of its panics: which are in flight, what became of them in deferred calls,
//! and who may recover which.
//!
//! Rust unwinds with one value, from the `panic!` to whoever catches it, and a destructor cannot exchange it. Go lets a
//! deferred call end a panic, or put another in its place. So each unwinding has an entry here that says what it *means*,
//! and whoever catches the value takes the entry with it: the panic may have been recovered, or be a later one.
//!
//! - `depth` counts the frames and deferred calls that run. No unwinding leaves the one it began in: each of them
//!   catches. So an unwinding and the deferred calls that it runs have the same depth, and entries of a greater depth than
//!   the present one are old.
//! - The panic hook makes most entries, `goexit` and rethrowing the others. The hook knows nothing of a `resume_unwind` of
//!   the program's: the first deferred call that it runs makes a *guessed* entry, if it can only be that.
//! - Nobody tells when the program itself catches a panic. Its entry stays until a deferred call begins while the thread
//!   is not panicking, until its depth ends, or until two newer ones of its depth are there.
//! - Plain data: nothing here calls code of the program. Values that a method takes out are returned as [`Old`], to be
//!   dropped by the caller when nothing of this is borrowed any more: their destructors may panic, park, or come back.
//!
//! Only the owner touches it, from its own stack.

use core::any::{Any, TypeId};
use std::backtrace::Backtrace;

use crate::gmp::Turn;

/// The payload that unwinds a goroutine for `goexit`.
#[derive(Debug)]
pub(crate) struct GoexitToken;

/// What unwinds, as std passes it.
pub(crate) type Payload = Box<dyn Any + Send>;

/// A panic.
#[derive(Debug)]
pub(crate) struct Panic {
    /// The text.
    pub(crate) message: String,
    /// Where `panic!` stands.
    pub(crate) location: Option<(String, u32, u32)>,
    /// How it came there; none when the environment wants none.
    pub(crate) backtrace: Option<Backtrace>,
    /// What `recover` gives of its value: nothing that runs code of the program when it is dropped.
    pub(crate) value: Option<Payload>,
    /// Recovered, by the deferred call that runs now.
    pub(crate) recovered: bool,
    /// The panics during which this one came about, the oldest first.
    pub(crate) earlier: Vec<Earlier>,
}

/// A panic that another one has replaced.
#[derive(Debug)]
pub(crate) struct Earlier {
    pub(crate) message: String,
    pub(crate) recovered: bool,
    /// The one after it has the same value.
    pub(crate) repanicked: bool,
}

/// How many earlier panics are kept: of more, the first and the last ones.
const EARLIER_MAX: usize = 32;

impl Panic {
    /// A panic of which only the text is known.
    pub(crate) fn of_message(message: String) -> Self {
        Panic { message, location: None, backtrace: None, value: None, recovered: false, earlier: Vec::new() }
    }

    /// This one came about in a deferred call that `before` ran.
    fn replaces(&mut self, before: Panic) {
        let Panic { message, recovered, mut earlier, .. } = before;
        let repanicked = recovered && message == self.message;
        earlier.push(Earlier { message, recovered, repanicked });
        earlier.append(&mut self.earlier);
        if earlier.len() > EARLIER_MAX {
            let last = earlier.len() - EARLIER_MAX / 2;
            earlier.drain(EARLIER_MAX / 2..last);
        }
        self.earlier = earlier;
    }
}

/// One unwinding, and what it means.
#[derive(Debug)]
pub(crate) struct Unwinding {
    serial: u64,
    depth: u32,
    /// The type of the value that unwinds. None: guessed.
    type_id: Option<TypeId>,
    /// None: a `goexit`, or a panic that was recovered.
    panic: Option<Box<Panic>>,
    /// A `goexit` goes on when the panic is recovered.
    goexit: bool,
    /// The value to pass on in place of the one that unwinds.
    replacement: Option<Payload>,
    /// What the recovery gave for the function to return.
    result: Option<Given>,
    /// The text of the panic that was recovered.
    recovered: Option<String>,
}

/// A value for the function to return.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) value: Box<dyn Any>,
    pub(crate) type_name: &'static str,
}

/// What was taken out, to be dropped while nothing is borrowed.
#[must_use = "drop it when nothing is borrowed"]
#[derive(Debug, Default)]
pub(crate) struct Old {
    entries: Vec<Unwinding>,
    payloads: [Option<Payload>; 2],
    panic: Option<Box<Panic>>,
    result: Option<Given>,
}

impl Old {
    /// Whether there is nothing to drop.
    pub(crate) fn is_nothing(&self) -> bool {
        let Old { entries, payloads, panic, result } = self;
        entries.is_empty() && payloads.iter().all(Option::is_none) && panic.is_none() && result.is_none()
    }
}

/// A panic or a `goexit` that goes on.
#[derive(Debug)]
pub(crate) struct Escaped {
    /// None: a `goexit`.
    pub(crate) panic: Option<Box<Panic>>,
    /// Whether a `goexit` goes on once the panic is recovered.
    pub(crate) goexit: bool,
    pub(crate) payload: Payload,
}

/// What somebody has caught.
#[derive(Debug)]
pub(crate) enum Caught {
    /// It goes on.
    Escaped(Escaped),
    /// It was recovered.
    Recovered(Recovery),
    /// There is no entry of it.
    Unknown(Payload),
}

/// The end of a panic.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// What to return.
    pub(crate) given: Option<Given>,
    /// The text of the panic.
    pub(crate) message: String,
}

/// Which panic the deferred call that runs may recover.
#[derive(Clone, Copy, Debug)]
struct Running {
    /// The depth of its own code.
    depth: u32,
    /// The serial of the unwinding that runs it; zero if it runs for another reason.
    unwinding: u64,
    /// It is `defer!(f())`: a frame that is entered next is that of `f` itself.
    by_call: bool,
}

/// How a deferred call comes to run. To be given back when it has ended.
#[derive(Debug)]
pub(crate) struct Call {
    before: Running,
    unwinding: u64,
}

/// A frame that was entered. To be given back when it is left.
#[derive(Debug)]
pub(crate) struct Frame {
    before: Running,
}

/// When a deferred call was deferred: what began later may be what runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Born {
    serial: u64,
    thread: Thread,
}

/// What is asked of the thread when a call is deferred, and when it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    /// Whether it is panicking, for whichever goroutine.
    pub(crate) panicking: bool,
    /// The goroutine's turn: as long as that is the same, the thread was its own.
    pub(crate) turn: Turn,
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Unwindings {
    depth: u32,
    /// Whether somebody of ours catches at depth zero: the root of a goroutine does, that of a thread does not.
    rooted: bool,
    /// The serial of the last one.
    serial: u64,
    running: Running,
    list: Vec<Unwinding>,
    /// Pushed out, with values of the program's in them.
    dead: Vec<Unwinding>,
}

impl Unwindings {
    pub(crate) const fn new(rooted: bool) -> Self {
        Unwindings {
            depth: 0,
            rooted,
            serial: 0,
            running: Running { depth: 0, unwinding: 0, by_call: false },
            list: Vec::new(),
            dead: Vec::new(),
        }
    }

    /// Whether a frame or a deferred call is under way.
    pub(crate) fn is_inside(&self) -> bool {
        self.depth > 0
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.dead.is_empty()
    }

    /// Forgets everything that is in flight.
    pub(crate) fn clear(&mut self) -> Old {
        self.take_from(0)
    }

    /// What is at `depth` or deeper, and what is dead.
    fn take_from(&mut self, depth: u32) -> Old {
        let mut entries = core::mem::take(&mut self.dead);
        entries.extend(self.list.extract_if(.., |u| u.depth >= depth));
        Old { entries, ..Old::default() }
    }

    /// A panic has begun: its value has this type.
    pub(crate) fn begin(&mut self, panic: Panic, type_id: TypeId) {
        self.push(Some(type_id), Some(Box::new(panic)), false);
    }

    /// `goexit` has begun.
    pub(crate) fn begin_goexit(&mut self) {
        self.push(Some(TypeId::of::<GoexitToken>()), None, true);
    }

    /// It is about to unwind again.
    pub(crate) fn begin_again(&mut self, panic: Option<Box<Panic>>, goexit: bool, payload: &Payload) {
        self.push(Some((**payload).type_id()), panic, goexit);
    }

    fn push(&mut self, type_id: Option<TypeId>, panic: Option<Box<Panic>>, goexit: bool) {
        self.serial += 1;
        let (serial, depth) = (self.serial, self.depth);
        // At the same depth a panic can only begin in a destructor that an older one runs, or when that one is over.
        let mut same = self.list.iter().enumerate().rev().filter(|(_, other)| other.depth == depth);
        if let Some((at, _)) = same.nth(1) {
            let out = self.list.remove(at);
            if out.replacement.is_some() || out.result.is_some() {
                self.dead.push(out);
            }
        }
        self.list.push(Unwinding {
            serial,
            depth,
            type_id,
            panic,
            goexit,
            replacement: None,
            result: None,
            recovered: None,
        });
    }

    /// A call is deferred here and now.
    #[inline]
    pub(crate) fn defer(&self, thread: Thread) -> Born {
        Born { serial: self.serial, thread }
    }

    /// A deferred call begins. It is run by the unwinding of its depth that began after it was deferred, if there is one;
    /// otherwise its block has come to its end.
    #[inline]
    pub(crate) fn enter_call(&mut self, born: Born, now: Thread, by_call: bool) -> Call {
        let mut unwinding = 0;
        let mut can_recover = false;
        if now.panicking {
            unwinding = self.runs(born, now.turn);
            can_recover = self.can_recover(unwinding);
        }
        let call = Call { before: self.running, unwinding };
        self.depth += 1;
        self.running =
            Running { depth: self.depth, unwinding: if can_recover { unwinding } else { 0 }, by_call };
        call
    }

    /// The unwinding that runs what was deferred then, while the thread is panicking; zero for none.
    #[cold]
    fn runs(&mut self, born: Born, turn: Turn) -> u64 {
        let depth = self.depth;
        let newest = self.list.iter().rev().find(|u| u.depth == depth).map(|u| u.serial);
        if let Some(serial) = newest.filter(|&serial| serial > born.serial) {
            return serial;
        }
        // If the thread has only begun to panic, and for nobody else, it is us, without the hook.
        if born.thread.panicking || born.thread.turn != turn {
            return 0;
        }
        let unknown = "(a value that was thrown without a message)".to_owned();
        self.push(None, Some(Box::new(Panic::of_message(unknown))), false);
        self.serial
    }

    /// Whether that unwinding is a panic that somebody of ours will catch.
    fn can_recover(&self, serial: u64) -> bool {
        let is_panic = self.list.iter().any(|u| u.serial == serial && u.panic.is_some());
        is_panic && (self.rooted || self.depth > 0)
    }

    /// A deferred call has ended, as most do: nothing is in flight. If something is, this does nothing and says no.
    #[inline]
    pub(crate) fn leave_call_quietly(&mut self, call: &Call) -> bool {
        call.unwinding == 0 && self.leave_quietly(call.before)
    }

    /// A deferred call has ended; `escaped` is what it has thrown. Returns what is to be thrown on: nothing while an
    /// unwinding is under way, which has it from now on.
    pub(crate) fn leave_call(&mut self, call: Call, escaped: Option<Escaped>) -> (Option<Payload>, Old) {
        let mut old = self.leave(call.before);
        let Some(u) = self.list.iter_mut().find(|u| u.serial == call.unwinding) else {
            let thrown = escaped.map(|Escaped { panic, goexit, payload }| {
                self.begin_again(panic, goexit, &payload);
                payload
            });
            return (thrown, old);
        };
        let before = u.panic.take_if(|panic| panic.recovered || escaped.is_some());
        match escaped {
            Some(Escaped { panic: Some(mut panic), goexit, payload }) => {
                u.goexit |= goexit;
                if let Some(before) = before {
                    panic.replaces(*before);
                }
                u.panic = Some(panic);
                old.payloads[0] = u.replacement.replace(payload);
                old.result = u.result.take();
            }
            Some(Escaped { panic: None, payload, .. }) => {
                u.goexit = true;
                old.payloads[0] = u.replacement.replace(payload);
                old.panic = before;
            }
            None => {
                if let Some(before) = before {
                    u.recovered = Some(before.message.clone());
                    old.panic = Some(before);
                }
            }
        }
        (None, old)
    }

    /// The frame of a function begins: what it calls is called by no deferred call directly.
    #[inline]
    pub(crate) fn enter_frame(&mut self) -> Frame {
        let before = self.running;
        let itself = before.by_call && before.depth == self.depth;
        self.depth += 1;
        if itself {
            self.running = Running { depth: self.depth, by_call: false, ..before };
        }
        Frame { before }
    }

    /// The frame has ended. If something is in flight, this does nothing and says no.
    #[inline]
    pub(crate) fn leave_frame_quietly(&mut self, frame: &Frame) -> bool {
        self.leave_quietly(frame.before)
    }

    /// The frame has ended.
    pub(crate) fn leave_frame(&mut self, frame: Frame) -> Old {
        self.leave(frame.before)
    }

    #[inline]
    fn leave_quietly(&mut self, before: Running) -> bool {
        let quiet = self.is_empty();
        if quiet {
            self.running = before;
            self.depth -= 1;
        }
        quiet
    }

    fn leave(&mut self, before: Running) -> Old {
        self.running = before;
        self.depth -= 1;
        self.take_from(self.depth + 1)
    }

    /// Somebody has caught `payload` at the present depth. What was in flight there is so no longer.
    pub(crate) fn catch(&mut self, payload: Payload) -> (Caught, Old) {
        let depth = self.depth;
        let newest = self.list.iter().rposition(|u| u.depth == depth && u.unwinds(&*payload));
        let found = newest.map(|at| self.list.remove(at));
        let mut old = self.take_from(depth);
        let Some(u) = found else {
            let caught = match payload.is::<GoexitToken>() {
                true => Caught::Escaped(Escaped { panic: None, goexit: true, payload }),
                false => Caught::Unknown(payload),
            };
            return (caught, old);
        };
        let guessed = u.type_id.is_none() && u.replacement.is_none();
        let payload = match u.replacement {
            Some(replacement) => {
                old.payloads[0] = Some(payload);
                replacement
            }
            None => payload,
        };
        let caught = match (u.panic, u.goexit) {
            (Some(_), _) if guessed => Caught::Unknown(payload),
            (Some(panic), goexit) => Caught::Escaped(Escaped { panic: Some(panic), goexit, payload }),
            (None, true) => {
                old.payloads[1] = Some(payload);
                Caught::Escaped(Escaped { panic: None, goexit: true, payload: Box::new(GoexitToken) })
            }
            (None, false) => {
                old.payloads[1] = Some(payload);
                Caught::Recovered(Recovery { given: u.result, message: u.recovered.unwrap_or_default() })
            }
        };
        (caught, old)
    }

    /// The panic that the caller may recover, which the caller does: with its number.
    pub(crate) fn recover(&mut self) -> Option<(u64, &mut Panic)> {
        let Running { depth, unwinding, .. } = self.running;
        if depth != self.depth || unwinding == 0 {
            return None;
        }
        let panic = self.list.iter_mut().find(|u| u.serial == unwinding)?.panic.as_deref_mut()?;
        if panic.recovered {
            return None;
        }
        panic.recovered = true;
        Some((unwinding, panic))
    }

    /// What the function that ends unwinding `serial` is to return. Gives the value back if there is none.
    pub(crate) fn give(&mut self, serial: u64, given: Given) -> Result<Old, Given> {
        match self.list.iter_mut().find(|u| u.serial == serial) {
            Some(u) => Ok(Old { result: u.result.replace(given), ..Old::default() }),
            None => Err(given),
        }
    }

    /// Whether what unwinds at the present depth is a panic that nobody has recovered so far.
    pub(crate) fn is_unrecovered(&self) -> bool {
        let newest = self.list.iter().rev().find(|u| u.depth == self.depth);
        newest.is_none_or(|u| u.panic.is_some())
    }

    /// The panics whose deferred calls run, the oldest first.
    pub(crate) fn outer(&self) -> impl Iterator<Item = &Panic> {
        self.list.iter().filter(|u| u.depth < self.depth).filter_map(|u| u.panic.as_deref())
    }

    /// The newest panics in flight at the present depth, the oldest first.
    pub(crate) fn here(&self) -> impl Iterator<Item = &Panic> {
        self.list.iter().filter(|u| u.depth == self.depth).filter_map(|u| u.panic.as_deref())
    }
}

impl Unwinding {
    /// Whether `payload` may be its value: of the same type, and if it is a text that is still the present one, the same.
    fn unwinds(&self, payload: &(dyn Any + Send)) -> bool {
        let Some(type_id) = self.type_id else { return true };
        let text = payload.downcast_ref::<&'static str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let same_text = match (text, &self.panic, &self.replacement) {
            (Some(text), Some(panic), None) => panic.message == text,
            _ => true,
        };
        type_id == payload.type_id() && same_text
    }
}
