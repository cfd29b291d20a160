//! Go's package `sync`. So far: [`WaitGroup`].

mod waitgroup;

pub use waitgroup::WaitGroup;
