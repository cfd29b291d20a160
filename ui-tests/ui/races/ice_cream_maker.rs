// Ben says, "Hello my name is Jerry": an interface value is two words.
trait IceCreamMaker: Sync {
    fn hello(&self);
}

fn race(ben: &dyn IceCreamMaker, jerry: &dyn IceCreamMaker) {
    let mut maker = ben;
    goconc::scope(|s| {
        s.go(|| maker = ben);
        s.go(|| maker = jerry);
    });
    maker.hello();
}

fn main() {}
