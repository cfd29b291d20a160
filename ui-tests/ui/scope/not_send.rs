use std::rc::Rc;

fn main() {
    let text = Rc::new("hi");
    goconc::scope(|s| {
        s.go(|| println!("{text}"));
    });
}
