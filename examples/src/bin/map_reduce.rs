//! Map-reduce over channels: each number times ten, then the sum.
//!
//! Go: `mapChan` and `reduce` of the course that seed 003 follows (map-reduce). A nil channel and an empty one give zero.
//!
//! Run: `cargo run --release -p goconc-examples --bin map_reduce`

use goconc::prelude::*;

fn as_stream<T: Send + 'static>(values: Vec<T>) -> Recv<T> {
    let out = Chan::<T>::new();
    go!([out] {
        for v in values {
            out.send(v);
        }
        out.close();
    });
    out.into()
}

fn map_chan<T, R>(input: Recv<T>, f: impl Fn(T) -> R + Send + 'static) -> Recv<R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let out = Chan::<R>::new();
    go!([out] {
        for v in &input {
            out.send(f(v));
        }
        out.close();
    });
    out.into()
}

fn reduce<T: Default>(input: Recv<T>, f: impl Fn(T, T) -> T) -> T {
    if input.is_nil() {
        return T::default(); // receiving would wait for ever
    }
    input.into_iter().reduce(f).unwrap_or_default()
}

#[goroutine]
fn main() {
    let input = as_stream(vec![1, 2, 3, 4, 5]);
    let sum = reduce(map_chan(input, |v| v * 10), |r, v| r + v);
    println!("{sum}"); // 150
    println!("{}", reduce(as_stream(Vec::<i32>::new()), |r, v| r + v));
    println!("{}", reduce(Chan::<i32>::nil().into(), |r, v| r + v));
}
