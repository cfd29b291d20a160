//! AArch64, the procedure call standard of Arm.
//!
//! ```text
//!  a stack that has stopped                a stack that has not begun
//!   stopped_at: where to go on, x19         stopped_at: first, 0
//!               x29, x18                                arg, entry
//!               the caller's frame                base:
//! ```
//!
//! All other registers are the compiler's to save, as far as they are live: the assembly says that it destroys them. x18 belongs
//! to the platform or is as any other; it is kept with the three that the compiler does not let go of.

use core::arch::{asm, naked_asm};

use super::{Context, Entry};

/// See the head of [`arch`](super).
///
/// # Safety
/// * `base` is the end of writable memory that is large enough for whatever `entry` does, and used by nobody else.
#[must_use]
pub(crate) unsafe fn prepare(base: usize, entry: Entry, arg: *mut u8) -> usize {
    let words = [first as *const () as usize, 0, arg.expose_provenance(), entry as *const () as usize];
    let at = (base & !15) - size_of_val(&words);
    // SAFETY: below `base`, which is ours by contract.
    unsafe { core::ptr::with_exposed_provenance_mut::<[usize; 4]>(at).write(words) };
    at
}

/// Where a stack begins: the stack pointer is at the first word.
#[unsafe(naked)]
unsafe extern "C" fn first() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined x30", // whoever walks the stack is at its end
        "ldp x0, x1, [sp, #16]",
        "add sp, sp, #32",
        "mov x29, xzr",
        "mov x30, xzr",
        "blr x1",
        "brk #1",
        ".cfi_endproc",
    )
}

/// See the head of [`arch`](super).
///
/// # Safety
/// * `to` came from [`prepare`], or was written by a switch; nobody else switches to that stack meanwhile, and it may run on
///   this thread.
/// * `from` stays valid until `in_use` is clear.
#[inline(always)]
pub(crate) unsafe fn switch(from: &Context, to: usize) {
    // SAFETY: everything is saved or declared destroyed; the rest is the contract. `stlrb` is a Release: pairs with the Acquire of
    // who waits for `in_use`.
    unsafe {
        asm!(
            "adr x3, 2f",
            "stp x29, x18, [sp, #-16]!",
            "stp x3, x19, [sp, #-16]!",
            "mov x3, sp",
            "str x3, [x0], #{in_use}",
            "mov sp, x1",
            "stlrb wzr, [x0]",
            "ldr x3, [sp]",
            "br x3",
            "2:",
            "ldp x3, x19, [sp], #16",
            "ldp x29, x18, [sp], #16",
            in_use = const Context::IN_USE,
            inout("x0") core::ptr::from_ref(from) => _,
            inout("x1") to => _,
            out("x20") _,
            out("x21") _,
            out("x22") _,
            out("x23") _,
            out("x24") _,
            out("x25") _,
            out("x26") _,
            out("x27") _,
            out("x28") _,
            out("x30") _,
            out("d8") _,
            out("d9") _,
            out("d10") _,
            out("d11") _,
            out("d12") _,
            out("d13") _,
            out("d14") _,
            out("d15") _,
            clobber_abi("C"),
        );
    }
}

/// An address inside the caller's frame.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: copies a register and touches nothing else.
    unsafe { asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// See the head of [`arch`](super).
#[inline(always)]
pub(crate) fn thread_word() -> usize {
    let word: usize;
    // SAFETY: reads memory of the thread's own, as the initial-exec model does.
    unsafe {
        asm!(
            concat!("adrp {word}, :gottprel:", word!()),
            concat!("ldr {word}, [{word}, :gottprel_lo12:", word!(), "]"),
            "mrs {own}, tpidr_el0",
            "ldr {word}, [{own}, {word}]",
            own = out(reg) _,
            word = out(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
    word
}

/// See the head of [`arch`](super).
#[inline(always)]
pub(crate) fn set_thread_word(word: usize) {
    // SAFETY: writes memory of the thread's own that nobody else knows.
    unsafe {
        asm!(
            concat!("adrp {at}, :gottprel:", word!()),
            concat!("ldr {at}, [{at}, :gottprel_lo12:", word!(), "]"),
            "mrs {own}, tpidr_el0",
            "str {word}, [{own}, {at}]",
            own = out(reg) _,
            at = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}
