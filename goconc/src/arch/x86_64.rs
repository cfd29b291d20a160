//! x86-64, the System V calling convention.
//!
//! ```text
//!  a stack that has stopped                a stack that has not begun
//!   stopped_at: where to go on              stopped_at: first
//!               rbx                                     arg
//!               rbp                                     entry
//!               the caller's frame                      0, 0   no return address, and the alignment of a call
//!                                                base:
//! ```
//!
//! All other registers are the compiler's to save, as far as they are live: the assembly says that it destroys them. What it
//! jumps to it reads from the stack, so that it is one switch, inlined, wherever the other stack has stopped. The control words
//! of the floating-point units are not switched: nobody may change them across a call anyway.

use core::arch::{asm, naked_asm};

use super::{Context, Entry};

/// See the head of [`arch`](super).
///
/// # Safety
/// * `base` is the end of writable memory that is large enough for whatever `entry` does, and used by nobody else.
#[must_use]
pub(crate) unsafe fn prepare(base: usize, entry: Entry, arg: *mut u8) -> usize {
    let words = [first as *const () as usize, arg.expose_provenance(), entry as *const () as usize, 0, 0];
    let at = (base & !15) - size_of_val(&words);
    // SAFETY: below `base`, which is ours by contract.
    unsafe { core::ptr::with_exposed_provenance_mut::<[usize; 5]>(at).write(words) };
    at
}

/// Where a stack begins.
#[unsafe(naked)]
unsafe extern "C" fn first() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip", // whoever walks the stack is at its end
        "pop rdi",
        "pop rax",
        "xor ebp, ebp",
        "call rax",
        "ud2",
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
    // SAFETY: everything is saved or declared destroyed; the rest is the contract. A plain store is a Release on x86: pairs with
    // the Acquire of who waits for `in_use`.
    unsafe {
        asm!(
            "push rbp",
            "push rbx",
            "lea rax, [rip + 2f]",
            "push rax",
            "mov [{from}], rsp",
            "mov rsp, {to}",
            "mov byte ptr [{from} + {in_use}], 0",
            "pop rax",
            "jmp rax",
            "2:",
            "pop rbx",
            "pop rbp",
            from = in(reg) core::ptr::from_ref(from),
            to = in(reg) to,
            in_use = const Context::IN_USE,
            out("rax") _,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
}

/// An address inside the caller's frame.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: copies a register and touches nothing else.
    unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// See the head of [`arch`](super).
#[inline(always)]
pub(crate) fn thread_word() -> usize {
    let word: usize;
    // SAFETY: reads memory of the thread's own, as the initial-exec model does.
    unsafe {
        asm!(
            concat!("mov {word}, qword ptr [rip + ", word!(), "@GOTTPOFF]"),
            "mov {word}, qword ptr fs:[{word}]",
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
            concat!("mov {at}, qword ptr [rip + ", word!(), "@GOTTPOFF]"),
            "mov qword ptr fs:[{at}], {word}",
            at = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}
