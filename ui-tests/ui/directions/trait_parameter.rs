// CH-034
use goconc::prelude::*;

trait Source<T> {
    #[goroutine]
    fn send_all(&self, into: chan::Send<T>);
}

fn fill(source: &impl Source<i32>, into: &Recv<i32>) {
    source.send_all(into);
}

fn main() {}
