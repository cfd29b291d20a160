//! How goroutines are shown to people: dumps, panics, stalls, the report of a stack overflow.

use core::fmt::{self, Write};
use core::panic::Location;
use core::sync::atomic::Ordering;
use std::backtrace::Backtrace;

use crate::gmp::g::{self, Picture};
use crate::gmp::{G, M, record};
use crate::stack::overflow::Overflow;
use crate::sys::throw::exit_crash;

/// A writer that also knows numbers without allocating is all that the overflow report may use.
type Out<'a> = &'a mut dyn Write;

/// Writes every goroutine, the lowest number first. Errors of `out` end it early.
pub(crate) fn all_goroutines(out: Out<'_>) {
    write_goroutines(out, None);
}

/// As [`all_goroutines`], without `but`.
pub(crate) fn other_goroutines(out: Out<'_>, but: Option<&'static G>) {
    write_goroutines(out, but.map(|g| g.id.load(Ordering::Relaxed))); // our own number
}

fn write_goroutines(out: Out<'_>, but: Option<u64>) {
    let mut pictures = Vec::new();
    g::for_each(|g| pictures.extend(g.picture()));
    record::for_each_unstarted(|record| {
        // Relaxed: a dump of a running program is a blurred picture.
        let (id, parent) = (record.id.load(Ordering::Relaxed), record.parent());
        let nap = record.nap();
        pictures.push(Picture {
            id,
            parent,
            state: nap.map_or("runnable", |(_, why)| g::nap_text(why)),
            waiting_ms: 0,
            locked: false,
            name: record.name(),
            parked_at: nap.map(|(at, _)| at),
            created_at: record.created_at(),
        });
    });
    pictures.retain(|picture| picture.id != 0 && Some(picture.id) != but);
    pictures.sort_by_key(|picture| picture.id);
    pictures.dedup_by_key(|picture| picture.id); // one may have started while we looked
    for picture in &pictures {
        let _ = write_picture(out, picture);
        let _ = out.write_str("\n");
    }
}

fn write_picture(out: Out<'_>, picture: &Picture) -> fmt::Result {
    write_header(out, picture)?;
    if let Some(at) = picture.parked_at {
        write_place(out, at)?;
    }
    write_origin(out, picture)
}

fn write_header(out: Out<'_>, picture: &Picture) -> fmt::Result {
    write!(out, "goroutine {}", picture.id)?;
    if let Some(name) = &picture.name {
        write!(out, " {name:?}")?;
    }
    write!(out, " [{}", picture.state)?;
    let minutes = picture.waiting_ms / 60_000;
    if minutes > 0 {
        write!(out, ", {minutes} minutes")?;
    }
    if picture.locked {
        out.write_str(", locked to thread")?;
    }
    out.write_str("]:\n")
}

fn write_place(out: Out<'_>, at: &Location<'_>) -> fmt::Result {
    writeln!(out, "\t{}:{}:{}", at.file(), at.line(), at.column())
}

fn write_origin(out: Out<'_>, picture: &Picture) -> fmt::Result {
    let Some(at) = picture.created_at.filter(|_| picture.id != record::MAIN_ID) else {
        return Ok(());
    };
    match picture.parent {
        0 => out.write_str("created by a plain thread\n")?,
        parent => writeln!(out, "created by goroutine {parent}")?,
    }
    write_place(out, at)
}

/// Writes the goroutine that panicked (or says that it was no goroutine), and how it came there.
pub(crate) fn panicking(
    out: Out<'_>,
    g: Option<&'static G>,
    at: Option<&(String, u32, u32)>,
    backtrace: Option<&Backtrace>,
    all_frames: bool,
) {
    let picture = g.and_then(G::picture);
    let _ = match &picture {
        Some(picture) => write_header(out, picture),
        None => out.write_str("goroutine 0 [running]:\n"),
    };
    if let Some((file, line, column)) = at {
        let _ = writeln!(out, "\t{file}:{line}:{column}");
    }
    if let Some(backtrace) = backtrace {
        let _ = write_backtrace(out, &backtrace.to_string(), all_frames);
    }
    if let Some(picture) = &picture {
        let _ = write_origin(out, picture);
    }
}

/// Writes a backtrace in Go's way: the function, then the place. Without `all`, only frames of the program: those of the
/// panic machinery above it and of the runtime below it say nothing to its author.
fn write_backtrace(out: Out<'_>, text: &str, all: bool) -> fmt::Result {
    let mut frames = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(place) = line.strip_prefix("at ") {
            if let Some((_, at)) = frames.last_mut() {
                *at = Some(place);
            }
        } else if let Some((_, name)) = line.split_once(": ") {
            frames.push((name, None));
        }
    }
    let first = frames.iter().rposition(|(name, _)| is_panic_machinery(name)).map_or(0, |i| i + 1);
    let last = frames.iter().position(|(name, _)| is_root(name)).unwrap_or(frames.len());
    let shown = if all || first >= last { &frames[..] } else { &frames[first..last] };
    for (name, at) in shown.iter().filter(|(name, _)| all || !is_frame_machinery(name)) {
        writeln!(out, "{name}(...)")?;
        if let Some(at) = at {
            writeln!(out, "\t{at}")?;
        }
    }
    Ok(())
}

fn is_panic_machinery(name: &str) -> bool {
    [
        "core::panicking::",
        "std::panicking::",
        "std::sys::backtrace::__rust_end_short",
        "rust_begin_unwind",
        "__rustc::rust_begin",
    ]
    .iter()
    .any(|prefix| name.contains(prefix))
        && !name.contains("catch_unwind")
        && !name.contains("::try")
}

/// Whether it stands between a function and its body, or a deferred call: it says nothing to their author either.
fn is_frame_machinery(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    let ours = ["goconc::defer::", "goconc::__private::main"];
    let stds = [
        "std::panicking::catch_unwind",
        "std::panic::catch_unwind",
        "__rust_try",
        "core::panic::unwind_safe::",
    ];
    ours.iter().chain(&stds).any(|prefix| name.starts_with(prefix))
        || name.starts_with("core::ptr::drop_in_place<goconc::defer::")
}

/// Whether a frame belongs to what runs every goroutine.
fn is_root(name: &str) -> bool {
    let name = name.trim_start_matches("goconc::gmp::record::").trim_start_matches("goconc::time::sleep::");
    let roots = ["run_inline", "run_in_block", "run_boxed", "run_after_nap"];
    roots.iter().any(|root| name.starts_with(root)) || name.contains("goconc::sched::run::")
}

/// What sysmon says of an M that keeps others waiting.
pub(crate) fn stall(out: Out<'_>, m: &'static M, stuck_ns: u64, waiting: fmt::Arguments<'_>) {
    // SAFETY: null, or a G, which is never freed. Relaxed: for people.
    let g = unsafe { m.running.load(Ordering::Relaxed).as_ref() };
    let Some(picture) = g.and_then(G::picture) else { return };
    let _ = write!(
        out,
        "goconc: M{} has been stuck for {} ms in goroutine {}",
        m.id,
        stuck_ns / 1_000_000,
        picture.id
    );
    if let Some(at) = picture.created_at {
        let _ = write!(out, " (started at {}:{})", at.file(), at.line());
    }
    let _ =
        writeln!(out, "; {waiting} goroutines at home on it wait. runtime::blocking(..) would let them run.");
}

/// Reports a stack overflow and ends the process. Async-signal-safe: no allocation, no lock.
pub(crate) fn stack_overflow(overflow: &Overflow) -> ! {
    let mut out = crate::sys::throw::Stderr;
    // SAFETY: the header of a slot that was handed out and has run code (it has overflowed), so `init` has made it.
    let g: &G = unsafe { overflow.header.cast::<G>().as_ref() };
    let size = overflow.class.size();
    let _ = writeln!(out, "runtime: goroutine stack exceeds {size}-byte limit");
    let _ = writeln!(out, "fatal error: stack overflow\n");
    let _ = writeln!(out, "goroutine {} [running]:", g.id.load(Ordering::Relaxed)); // it is stopped in this handler
    if let Some((parent, at)) = g.origin() {
        match parent {
            0 => _ = writeln!(out, "created by a plain thread"),
            parent => _ = writeln!(out, "created by goroutine {parent}"),
        }
        let _ = writeln!(out, "\t{}:{}:{}", at.file(), at.line(), at.column());
    }
    let _ = writeln!(
        out,
        "\nMore stack: go!(stack_size = \"{}\", ..) for this goroutine, #[goroutine(stack_size = \"{}\")] on main for all.",
        larger(size),
        larger(size),
    );
    exit_crash()
}

fn larger(size: usize) -> &'static str {
    match size {
        0..0x4_0000 => "256 KiB",
        0x4_0000..0x10_0000 => "1 MiB",
        _ => "8 MiB",
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::write_backtrace;

    #[test]
    fn a_backtrace_shows_the_program_only() {
        let text = "   0: std::backtrace::Backtrace::force_capture\n   1: core::panicking::panic_fmt\n             at /rustc/x\n   \
                    2: app::work\n             at src/main.rs:3:5\n   3: goconc::gmp::record::run_inline\n";
        let mut out = String::new();
        write_backtrace(&mut out, text, false).expect("a string");
        assert_eq!(out, "app::work(...)\n\tsrc/main.rs:3:5\n");
        out.clear();
        write_backtrace(&mut out, text, true).expect("a string");
        assert!(out.contains("panic_fmt"));
    }
}
