//! Merge sort: one half in a new goroutine, the other in this one, down to short slices.
//!
//! Go: the usual parallel merge sort with a `sync.WaitGroup`. `scope` waits, and lets each goroutine borrow its own half.
//!
//! Run: `cargo run --release -p goconc-examples --bin merge_sort -- [N]`

use goconc::prelude::*;

/// Below this a goroutine costs more than it saves.
const SHORT: usize = 2048;

fn merge_sort(v: &mut [u32]) {
    if v.len() <= SHORT {
        v.sort_unstable();
        return;
    }
    let middle = v.len() / 2;
    let (left, right) = v.split_at_mut(middle);
    goconc::scope(|s| {
        s.go(|| merge_sort(left));
        merge_sort(right);
    });
    let merged = merge(&v[..middle], &v[middle..]);
    v.copy_from_slice(&merged);
}

fn merge(mut a: &[u32], mut b: &[u32]) -> Vec<u32> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    while let (Some((&x, a_rest)), Some((&y, b_rest))) = (a.split_first(), b.split_first()) {
        if x <= y {
            out.push(x);
            a = a_rest;
        } else {
            out.push(y);
            b = b_rest;
        }
    }
    out.extend_from_slice(a);
    out.extend_from_slice(b);
    out
}

/// Numbers that look random, the same each time (a linear congruential generator).
fn numbers(n: usize) -> Vec<u32> {
    let next = |x: &u32| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).take(n).collect()
}

#[goroutine]
fn main() {
    let n = goconc_examples::number_arg("N", 1_000_000);
    let mut v = numbers(n);
    merge_sort(&mut v);
    println!("{} numbers, sorted: {}", v.len(), v.is_sorted());
}
