use std::rc::Rc;

fn main() {
    let handle = goconc::spawn(|| Rc::new(1));
    println!("{:?}", handle.join());
}
