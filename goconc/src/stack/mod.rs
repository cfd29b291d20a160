//! The memory of goroutine stacks: one reserved arena, cut into slots that are guarded, coloured, and never given
//! back.
//!
//! ```text
//! the arena: one reservation, one part per class, all parts equally large (a power of two, 512 GiB if it may be)
//!
//!   base                 base + part          base + 2 * part      base + 3 * part
//!   | 64 KiB slots       | 256 KiB slots      | 1 MiB slots        | 8 MiB slots        |
//!   | committed | not    | committed | not    | committed | not    | committed | not    |
//!   |  RW, one  | yet    |  mapping  | yet    |
//!
//! a slot (aligned to its size)
//!
//!   lo          guard_end                    header()                                top
//!   | guard     | ....... <- the stack grows | header, HEADER_SIZE | colour, 0..1984  |
//!   | SIGSEGV   |            base(), the     |        bytes        | bytes, unused    |
//!                      initial stack pointer ^
//! ```
//!
//! The owner of a goroutine keeps its state in the header, in the same page as its first frames. Whoever has the
//! stack pointer has the header, by arithmetic ([`header_of`]): no thread-local, nothing to look up. The colour
//! spreads the headers and first frames of neighbouring slots over the sets of the first-level cache: 32 colours of
//! 64 bytes.
//!
//! Invariants:
//!  - the arena is placed once and never moves; what is committed stays committed;
//!  - a slot is handed out once, by [`take`]; whoever took it owns it for ever (and keeps a list of free ones);
//!  - a slot that was handed out has its guard, in every mode; there are no unguarded stacks;
//!  - the page of the header is committed and never unmapped: it may be read at any time by anyone who knows that what
//!    is in it may change; it holds zeros until its owner writes it;
//!  - the committed part of a class is one mapping of the kernel, but for the guards that are made by mprotect.
//!
//! | file | what |
//! |---|---|
//! | `arena` | reserve, commit, hand out; the arithmetic of `header_of` |
//! | `guard` | three ways to guard, and which of them this kernel has |
//! | `overflow` | the signal handler that tells a stack overflow from other faults |

mod arena;
mod guard;
pub(crate) mod overflow;

#[cfg(test)]
pub(crate) mod child;

pub(crate) use arena::{
    Slot, default_class, discard_below, for_each_header, handed, header_of, init, same_place,
    set_default_class, stats, take,
};
pub(crate) use guard::GuardMode;

use std::fmt;
use std::io;

use crate::sys::mem;

/// The bytes at the top of each slot that belong to the owner of the goroutine. A multiple of 64.
pub(crate) const HEADER_SIZE: usize = 320;

/// The size of a slot: 64 KiB, 256 KiB, 1 MiB or 8 MiB. Ordered by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class(u8);

impl Class {
    /// How many classes there are.
    pub(crate) const COUNT: usize = 4;
    /// 64 KiB.
    pub(crate) const K64: Class = Class(0);
    /// 256 KiB.
    pub(crate) const K256: Class = Class(1);
    /// 1 MiB.
    pub(crate) const M1: Class = Class(2);
    /// 8 MiB.
    pub(crate) const M8: Class = Class(3);
    /// All of them, smallest first.
    pub(crate) const ALL: [Class; Class::COUNT] = [Class::K64, Class::K256, Class::M1, Class::M8];

    const SHIFTS: [u32; Class::COUNT] = [16, 18, 20, 23];

    /// The smallest class whose slots have at least `bytes` bytes. Guard and header are part of them.
    pub(crate) fn for_size(bytes: usize) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.size() >= bytes)
    }

    /// The bytes of a slot, guard and header included.
    pub(crate) const fn size(self) -> usize {
        1 << self.shift()
    }

    /// The bytes at the low end of a slot that nobody may touch. Rust probes every page of a frame, so one page is
    /// enough for it; C code need not, so the classes that people choose for C code get more.
    pub(crate) fn guard(self) -> usize {
        let wanted = if self == Class::K64 { 4 << 10 } else { 16 << 10 };
        wanted.max(mem::page_size())
    }

    /// The position among the classes, smallest first: an index for tables.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize % Class::COUNT // which it is: so there is no check of bounds
    }

    /// The binary logarithm of the size.
    const fn shift(self) -> u32 {
        Class::SHIFTS[self.index()]
    }

    /// The class of that [`index`](Class::index).
    pub(crate) const fn from_index(index: usize) -> Class {
        debug_assert!(index < Class::COUNT);
        Class((index % Class::COUNT) as u8)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_size(f, self.size())
    }
}

/// Writes a power of two of at least 1024 in the largest unit that fits. Async-signal-safe where `f` is.
fn write_size(f: &mut fmt::Formatter<'_>, bytes: usize) -> fmt::Result {
    match bytes {
        0..0x10_0000 => write!(f, "{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => write!(f, "{} MiB", bytes >> 20),
        _ => write!(f, "{} GiB", bytes >> 30),
    }
}

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StackError {
    /// Not even the smallest arena can be reserved.
    Reserve {
        /// How many bytes were asked for last.
        bytes: usize,
        /// What the kernel answered.
        errno: i32,
    },
    /// The kernel gives no more memory.
    Commit {
        /// Of which class the stack was to be.
        class: Class,
        /// What the kernel answered.
        errno: i32,
    },
    /// There are as many guards as `vm.max_map_count` allows, and the kernel knows no other kind of guard (or
    /// refuses it).
    Guards {
        /// How many stacks have such a guard.
        stacks: usize,
    },
    /// Every slot of the class is handed out.
    Exhausted {
        /// Which class.
        class: Class,
        /// How many slots it has.
        slots: usize,
        /// Whether a limit of the process made the arena smaller than it would be.
        limited: bool,
    },
    /// The kernel's pages are too large for this class: no stack would be left.
    PageSize {
        /// Which class.
        class: Class,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StackError::Reserve { bytes, errno } => {
                write!(f, "cannot reserve ")?;
                write_size(f, bytes)?;
                let limit = match errno {
                    libc::EAGAIN => {
                        "locked memory (ulimit -l, RLIMIT_MEMLOCK), or do not use mlockall(MCL_FUTURE)"
                    }
                    _ => "address space (ulimit -v, RLIMIT_AS)",
                };
                let error = io::Error::from_raw_os_error(errno);
                write!(f, " of address space for goroutine stacks: {error}; raise the limit of {limit}")
            }
            StackError::Commit { class, errno } => {
                let error = io::Error::from_raw_os_error(errno);
                write!(f, "no memory for a goroutine stack of {class}: {error}; ")?;
                write!(f, "look at ulimit -d (RLIMIT_DATA), vm.overcommit_memory and vm.max_map_count")
            }
            StackError::Guards { stacks } => {
                write!(f, "no guard page for another goroutine stack, {stacks} have one made by mprotect: ")?;
                write!(f, "raise vm.max_map_count or use Linux 6.13")
            }
            StackError::Exhausted { class, slots, limited } => {
                write!(f, "all {slots} goroutine stacks of {class} are in use")?;
                if limited {
                    write!(f, "; raise the limit of address space (ulimit -v, RLIMIT_AS)")
                } else {
                    Ok(())
                }
            }
            StackError::PageSize { class } => {
                write!(f, "goroutine stacks of {class} are too small for pages of ")?;
                write_size(f, mem::page_size())?;
                write!(f, "; ask for larger ones")
            }
        }
    }
}

impl std::error::Error for StackError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_a_size_is_the_smallest_that_fits() {
        assert_eq!(Class::for_size(0), Some(Class::K64));
        assert_eq!(Class::for_size(64 << 10), Some(Class::K64));
        assert_eq!(Class::for_size((64 << 10) + 1), Some(Class::K256));
        assert_eq!(Class::for_size(1 << 20), Some(Class::M1));
        assert_eq!(Class::for_size((1 << 20) + 1), Some(Class::M8));
        assert_eq!(Class::for_size(8 << 20), Some(Class::M8));
        assert_eq!(Class::for_size((8 << 20) + 1), None);
    }

    #[test]
    fn classes_print_their_size() {
        let text = Class::ALL.map(|class| class.to_string());
        assert_eq!(text, ["64 KiB", "256 KiB", "1 MiB", "8 MiB"]);
        assert!(Class::ALL.iter().all(|&class| Class::from_index(class.index()) == class));
    }

    #[test]
    fn errors_say_what_to_raise() {
        let text = |error: StackError| error.to_string();
        assert!(text(StackError::Reserve { bytes: 64 << 20, errno: libc::ENOMEM }).contains("ulimit -v"));
        assert!(text(StackError::Reserve { bytes: 64 << 20, errno: libc::EAGAIN }).contains("ulimit -l"));
        assert!(text(StackError::Guards { stacks: 9 }).contains("raise vm.max_map_count or use Linux 6.13"));
    }
}
