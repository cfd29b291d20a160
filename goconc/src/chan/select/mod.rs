//! Select: one of several operations, whichever can proceed.
//!
//! | file | what |
//! |---|---|
//! | `case` | one case: a channel and an operation on it, or something else to wait for |
//! | `slot` | where its value is |
//! | `source` | what can be named in an arm |
//! | `running` | a select from its first look to its end |
//! | `waiters` | [`Waitable`](waiters::Waitable): what else than channels can be waited for |
//! | `dynamic` | [`Select`](dynamic::Select): cases that are not known when the program is written |
//!
//! This file has what `select!` expands to. How a select goes, and why it is right, is at the head of `running`.

pub(super) mod case;
pub(super) mod dynamic;

mod running;
mod slot;
mod source;
pub(super) mod waiters;

use core::mem::MaybeUninit;
use core::panic::Location;

use crate::chan::select::running::Running;
use crate::gmp::WaitReason;
use crate::wait::Who;

pub use case::Case;
pub use slot::{ByClock, ByDefault, FromChannel, FromWaitable, Slot, Temporary, Zero};
pub use source::{Asked, Behind, Direct, Source, Target};

/// The result of a select with a default: nothing was ready.
pub const DEFAULT: usize = usize::MAX;

/// Up to this many cases have their sudogs on the stack.
const FEW: usize = 64;

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dir {
    Recv,
    Send,
}

/// A case that receives into `slot`.
#[inline(always)]
pub fn recv<'a, S, W, T, K>(source: &'a S, slot: &'a mut Slot<T, K>) -> Case<'a>
where
    S: Source<W, Item = T, Kind = K> + ?Sized,
{
    source.case(slot)
}

/// A case that sends `value`, which waits in `slot`.
#[inline(always)]
pub fn send<'a, C, T>(target: &'a C, slot: &'a mut Temporary<T>, value: T) -> Case<'a>
where
    C: Target<Item = T> + ?Sized,
{
    slot.put(value);
    target.case(slot)
}

/// As [`Case::when`], the condition first: it is evaluated first.
#[inline(always)]
pub fn when(guard: bool, case: Case<'_>) -> Case<'_> {
    case.when(guard)
}

/// `select! { v = <-source => .. }`
#[inline(always)]
#[track_caller]
pub fn recv_only<S, W, T, K>(source: &S) -> Slot<T, K>
where
    S: Source<W, Item = T, Kind = K> + ?Sized,
{
    source.receive()
}

/// `select! { target <- value => .. }`
#[inline(always)]
#[track_caller]
pub fn send_only<C: Target<Item = T> + ?Sized, T>(target: &C, value: T) {
    target.transmit(value);
}

/// `select! { v = <-source => .., default => .. }`
#[inline(always)]
pub fn try_recv_only<S, W, T, K>(source: &S) -> Option<Slot<T, K>>
where
    S: Source<W, Item = T, Kind = K> + ?Sized,
{
    source.try_receive()
}

/// `select! { target <- value => .., default => .. }`
#[inline(always)]
#[track_caller]
pub fn try_send_only<C: Target<Item = T> + ?Sized, T>(target: &C, value: T) -> bool {
    target.try_transmit(value)
}

/// Waits until one of the cases can proceed, and does it: at random among those that can. Returns its number.
#[inline(always)]
#[track_caller]
pub fn select<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    wait_for_one(cases, true, Location::caller())
}

/// As [`select`], in the order of the cases.
#[inline(always)]
#[track_caller]
pub fn select_biased<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    wait_for_one(cases, false, Location::caller())
}

/// As [`select`], but [`DEFAULT`] when no case can proceed.
#[inline(always)]
#[track_caller]
pub fn try_select<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    look_for_one(cases, true)
}

/// As [`try_select`], in the order of the cases.
#[inline(always)]
#[track_caller]
pub fn try_select_biased<const N: usize>(cases: &mut [Case<'_>; N]) -> usize {
    look_for_one(cases, false)
}

/// `select! {}`
#[track_caller]
pub fn block_for_ever() -> ! {
    Who::wait_for_ever(WaitReason::SelectNoCases, Location::caller())
}

/// For the arm of the match that no select returns.
#[cold]
pub fn unreachable() -> ! {
    crate::sys::throw::throw("select: chose a case that is not there")
}

#[inline(always)]
#[track_caller]
fn wait_for_one<const N: usize>(
    cases: &mut [Case<'_>; N],
    random: bool,
    at: &'static Location<'static>,
) -> usize {
    if N > FEW {
        return wait_for_one_of_many(cases, random, at);
    }
    let mut places = [const { MaybeUninit::uninit() }; N];
    let mut sudogs = [const { MaybeUninit::uninit() }; N];
    Running::new(cases, &mut places, &mut sudogs, random).wait(at)
}

#[inline(never)]
#[track_caller]
fn wait_for_one_of_many(cases: &mut [Case<'_>], random: bool, at: &'static Location<'static>) -> usize {
    let (mut places, mut sudogs) = (room(cases.len()), room(cases.len()));
    Running::new(cases, &mut places, &mut sudogs, random).wait(at)
}

#[inline(always)]
#[track_caller]
fn look_for_one<const N: usize>(cases: &mut [Case<'_>; N], random: bool) -> usize {
    if N > FEW {
        return look_for_one_of_many(cases, random);
    }
    let mut places = [const { MaybeUninit::uninit() }; N];
    Running::new(cases, &mut places, &mut [], random).look().unwrap_or(DEFAULT)
}

#[inline(never)]
#[track_caller]
fn look_for_one_of_many(cases: &mut [Case<'_>], random: bool) -> usize {
    Running::new(cases, &mut room(cases.len()), &mut [], random).look().unwrap_or(DEFAULT)
}

/// Room for so many.
fn room<T>(number: usize) -> Vec<MaybeUninit<T>> {
    let mut room = Vec::new();
    room.resize_with(number, MaybeUninit::uninit);
    room
}
