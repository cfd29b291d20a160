// The unprotected counter: two goroutines read, add and write back.
static mut COUNTER: i32 = 0;

fn routine() {
    let mut value = COUNTER;
    value += 1;
    COUNTER = value;
}

fn main() {
    goconc::go!(routine());
    goconc::go!(routine());
}
